import { drawn } from './drawn.js';
import { openSite } from './headstart.js';

/** Milliseconds of a training step, the mean of some. */
type Step = () => Promise<number>;

/** What trains: a network's last stages with a softmax layer behind them, on so many pictures a step. */
export interface Tail {
  folder: string;
  stages: number;
  classes: number;
  batch: number;
}

/** Our own figure of a run on a few pictures, whose features before the cut are there since the first. */
async function ours({ folder, stages, classes, batch }: Tail): Promise<Step> {
  const trainer = await (await openSite()).create({ engine: 'cpu', backbone: folder });
  for (let label = 0; label < classes; label++) {
    await trainer.addClass(`class ${label}`);
    for (let seed = 0; seed < batch; seed++) await trainer.addImage(`class ${label}`, await drawn(label, classes, seed));
  }
  return async () => {
    let speed = NaN;
    for await (const event of trainer.train({ fineTune: `last:${stages}`, epochs: 1, fineTuneEpochs: 2, batchSize: batch, validation: 0 })) {
      if (event.phase === 'fine-tune') speed = event.imagesPerSecond;
    }
    return (batch * 1000) / speed;
  };
}

const LIBRARIES: Record<string, (tail: Tail) => Promise<Step>> = {
  headstart: ours,
  // Its backend of plain JavaScript takes three times as long as WebGL in software, and wasm has no gradients of convolutions.
  'tfjs-webgl': async (tail) => (await import('./step-tfjs.js')).openTfjsStep('webgl', tail),
};

/** Steps of fine-tuning. */
export class Steps {
  readonly #steps = new Map<string, Step>();

  async open(names: string[], tail: Tail): Promise<void> {
    for (const name of names) this.#steps.set(name, await LIBRARIES[name]!(tail));
  }

  time(name: string): Promise<number> {
    return this.#steps.get(name)!();
  }
}
