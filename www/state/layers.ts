/** The layers of a network, stage by stage. */
import type { LayerReport } from '../generated/types.js';

export interface Stage {
  readonly name: string;
  readonly layers: readonly LayerReport[];
  readonly parameters: number;
  /** How many of the values train. */
  readonly trainable: number;
}

/** In the order of the network. */
export function byStage(layers: readonly LayerReport[]): readonly Stage[] {
  const names = [...new Set(layers.map(({ stage }) => stage))];
  const sum = (of: readonly LayerReport[]): number => of.reduce((total, { parameters }) => total + parameters, 0);
  return names.map((name) => {
    const own = layers.filter(({ stage }) => stage === name);
    return { name, layers: own, parameters: sum(own), trainable: sum(own.filter(({ trainable }) => trainable)) };
  });
}

/** What trains of all, in a sentence. */
export function describeLayers(stages: readonly Stage[]): string {
  const sum = (of: (stage: Stage) => number): string => stages.reduce((total, stage) => total + of(stage), 0).toLocaleString('en');
  const training = stages.filter(({ trainable }) => trainable > 0).length;
  return `${training} of ${stages.length} parts train: ${sum((stage) => stage.trainable)} values.`;
}

/** Whether a stage trains, in a word or two. */
export function stageState({ parameters, trainable }: Stage): string {
  if (trainable === 0) return 'No';
  return trainable === parameters ? 'Yes' : `${trainable.toLocaleString('en')} of them`;
}
