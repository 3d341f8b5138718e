import { drawn } from './drawn.js';
import { ENGINE, openSite } from './headstart.js';

/** Trains at least so many steps and gives the milliseconds of one, their mean, and the loss at the end. */
export type Steps = (count: number) => Promise<Stepped>;

export interface Stepped {
  ms: number;
  loss: number;
}

/** What trains: a network's last stages with a softmax layer behind them, on so many pictures a step. */
export interface Tail {
  folder: string;
  stages: number;
  classes: number;
  batch: number;
}

/** Our own figure of a run on a few pictures, whose features before the cut are there since the first. An epoch is a step for each class. */
async function ours({ folder, stages, classes, batch }: Tail): Promise<Steps> {
  const trainer = await (await openSite()).create({ engine: ENGINE, backbone: folder });
  for (let label = 0; label < classes; label++) {
    await trainer.addClass(`class ${label}`);
    for (let seed = 0; seed < batch; seed++) await trainer.addImage(`class ${label}`, await drawn(label, classes, seed));
  }
  return async (count) => {
    let [speed, loss] = [NaN, NaN];
    const fineTuneEpochs = Math.ceil(count / classes);
    for await (const event of trainer.train({ fineTune: `last:${stages}`, epochs: 1, fineTuneEpochs, batchSize: batch, validation: 0 })) {
      if (event.phase === 'fine-tune') ({ imagesPerSecond: speed, loss } = event);
    }
    return { ms: (batch * 1000) / speed, loss };
  };
}

const LIBRARIES: Record<string, (tail: Tail) => Promise<Steps>> = {
  headstart: ours,
  // Its backend of plain JavaScript takes three times as long as WebGL in software, and wasm has no gradients of convolutions.
  'tfjs-webgl': async (tail) => (await import('./step-tfjs.js')).openTfjsSteps('webgl', tail),
  'tfjs-webgpu': async (tail) => (await import('./step-tfjs.js')).openTfjsSteps('webgpu', tail),
};

/** Steps of fine-tuning. */
export class FineTuning {
  readonly #steps = new Map<string, Steps>();

  async open(names: string[], tail: Tail): Promise<void> {
    for (const name of names) this.#steps.set(name, await LIBRARIES[name]!(tail));
  }

  train(name: string, count: number): Promise<Stepped> {
    return this.#steps.get(name)!(count);
  }
}
