/** What the tests of the WebGPU engine have a trainer do, a little of everything: software computes a step in half a second. */
import type { EngineKind, Prediction, TrainConfig, Trainer, TrainReport } from '../../../www/headstart.js';

/** What a trainer may be at when its GPU is lost. */
export const MOMENTS = ['embedding', 'head training', 'fine-tuning', 'prediction'] as const;
export type Moment = (typeof MOMENTS)[number];

/** A training as it went. */
export interface Trained {
  epochs: { phase: string; epoch: number; losses: number[]; improved: boolean; at: number }[];
  report: TrainReport | null;
  /** The code that it was refused with. */
  refused: string | null;
}

/** What has come of a moment's work. */
export interface Outcome {
  engine: EngineKind;
  /** When it was over, in milliseconds since 1970. */
  ended: number;
  /** Pictures that were added and those that could not be. */
  added: number;
  failed: number;
  trained: Trained | null;
  answers: Prediction[][];
}

/** What a model says of some frames: on the trainer's engine, and from its file on the CPU. */
export interface Answers {
  own: Prediction[][];
  cpu: Prediction[][];
}

/** What a trainer does in the page. */
export interface Work {
  HEAD: Partial<TrainConfig>;
  TUNING: Partial<TrainConfig>;
  /** A trainer on the small backbone, with so much done as comes before a moment. */
  before(moment: Moment, engine: 'cpu' | 'webgpu'): Promise<Trainer>;
  at(moment: Moment, trainer: Trainer): Promise<Outcome>;
  train(trainer: Trainer, config: Partial<TrainConfig>): Promise<Trained>;
  answers(trainer: Trainer): Promise<Answers>;
}

declare global {
  var work: Work;
  /** The trainer of a test that asks the page more than once. */
  var subject: Trainer;
}

/** Runs in the page, so it can use nothing from outside of itself. */
export function installWork(): void {
  const now = (): number => performance.timeOrigin + performance.now();
  const classes = ['circles', 'stripes'] as const;
  const frames = (): Promise<Blob[]> => Promise.all([100, 101, 102, 103, 104, 105].map((seed, i) => drawing.draw(classes[i % 2]!, seed)));
  const add = (trainer: Trainer) =>
    Promise.all(classes.map(async (kind) => trainer.addImages(kind, await Promise.all([0, 1, 2, 3].map((seed) => drawing.draw(kind, seed))))));
  globalThis.work = {
    HEAD: { optimizer: 'adam', epochs: 6, batchSize: 3, validation: 0.25, patience: 0, seed: 3 },
    // SGD, for Adam divides a gradient by its own size: rounding where it is almost zero becomes a whole step, another on each engine.
    TUNING: { optimizer: 'sgd', fineTune: 'last:1', backboneLearningRate: 0.01, monitor: 'loss', epochs: 1, fineTuneEpochs: 2, batchSize: 3, validation: 0.25, labelSmoothing: 0, patience: 0, seed: 3 },
    async before(moment, engine) {
      const trainer = await headstart.Trainer.create({ engine, backbone: 'small' });
      for (const name of classes) await trainer.addClass(name);
      if (moment !== 'embedding') await add(trainer);
      if (moment === 'prediction') await trainer.train(work.HEAD).report;
      return trainer;
    },
    async at(moment, trainer) {
      const outcome = { added: 0, failed: 0, trained: null as Trained | null, answers: [] as Prediction[][] };
      if (moment === 'embedding') {
        for (const { ids, failures } of await add(trainer)) {
          outcome.added += ids.length;
          outcome.failed += failures.length;
        }
      } else if (moment === 'prediction') {
        for (const frame of await frames()) outcome.answers.push(await trainer.predictLatest(frame));
      } else {
        outcome.trained = await work.train(trainer, moment === 'head training' ? work.HEAD : work.TUNING);
      }
      return { ...outcome, engine: trainer.engine.kind, ended: now() };
    },
    async train(trainer, config) {
      const run = trainer.train(config);
      const epochs: Trained['epochs'] = [];
      try {
        for await (const { kind, phase, epoch, loss, validationLoss, improved } of run) {
          if (kind === 'epoch') epochs.push({ phase, epoch, losses: [loss, validationLoss ?? Number.NaN], improved, at: now() });
        }
        return { epochs, report: await run.report, refused: null };
      } catch (error) {
        return { epochs, report: null, refused: (error as { code: string }).code };
      }
    },
    async answers(trainer) {
      const classifier = await headstart.Classifier.load(await trainer.save(), { engine: 'cpu' });
      const answers: Answers = { own: [], cpu: [] };
      for (const frame of await frames()) {
        answers.own.push(await trainer.predict(frame));
        answers.cpu.push(await classifier.classify(frame));
      }
      classifier.close();
      return answers;
    },
  };
}
