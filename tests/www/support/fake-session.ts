import type { ClassSummary, Estimate, LayerReport, TrainConfig, TrainEvent, TrainReport } from '../../../www/generated/types.js';
import { refusal } from '../../../www/worker/failure.js';
import type { Core, Session } from '../../../www/worker/session.js';

/** How a fake session misbehaves. */
export interface Faults {
  /** Thrown by the step of this number, counted from 1. */
  step?: { at: number; error: Error };
  /** So many steps prepare pictures before anything is learned. */
  prepare?: number;
  /** So many steps measure what a stopped run keeps. */
  measure?: number;
  /** Thrown by every prediction. */
  predict?: Error;
  create?: Error;
}

const STEPS_AN_EPOCH = 4;

/** A session without a network: keeps classes, counts steps, and like the real one refuses a second call while one is pending. */
export class FakeSession implements Session {
  readonly calls: string[] = [];
  steps = 0;
  #classes: ClassSummary[] = [];
  #nextId = 1;
  #run: { epochs: number; step: number } | null = null;
  /** What is left to measure of a run that was stopped, with its epochs. */
  #measuring: { left: number; epochs: number } | null = null;
  #report: TrainReport | null = null;
  #busy = false;

  constructor(private readonly faults: Faults = {}) {}

  engine = () => ({ kind: 'cpu' as const, adapter: '', reason: 'a test', cpuMilliseconds: null, gpuMilliseconds: null });
  backbone = () => ({ architecture: 'fake', inputSize: 96, features: 4, parameters: 0, stages: 1, license: '', source: '', batchNorm: '', fineTunable: 1, fineTuneReason: '' });
  classes = async () => structuredClone(this.#classes);
  modelClasses = async () => (this.#report ? this.#classes.map(({ name }) => name) : null);
  report = async () => this.#report;

  async addClass(name: string): Promise<void> {
    this.calls.push(`addClass ${name}`);
    if (this.#classes.some((each) => each.name === name)) {
      throw refusal('class_name_taken', `There is already a class named “${name}”.`, name);
    }
    this.#classes.push({ name, images: [] });
  }

  async renameClass(name: string, to: string): Promise<void> {
    this.calls.push(`renameClass ${name} ${to}`);
    this.#class(name).name = to;
  }

  async removeClass(name: string): Promise<void> {
    this.#classes = this.#classes.filter((each) => each !== this.#class(name));
  }

  restoreClass = (name: string): Promise<void> => this.addClass(name);

  addImage(className: string, _rgba: Uint8Array, width: number, _height: number, group?: string): Promise<number> {
    this.calls.push(`addImage ${className} ${width} ${group ?? '-'}`);
    return this.#slowly(() => {
      this.#class(className).images.push(this.#nextId);
      return this.#nextId++;
    });
  }

  async moveImage(): Promise<void> {}
  async removeImage(): Promise<void> {}
  async restoreImage(): Promise<void> {}

  async layers(config: Partial<TrainConfig>): Promise<LayerReport[]> {
    this.calls.push(`layers ${JSON.stringify(config)}`);
    return this.#slowly(() => []);
  }

  async estimate(config: Partial<TrainConfig>): Promise<Estimate> {
    this.calls.push(`estimate ${JSON.stringify(config)}`);
    return this.#slowly(() => {
      if (config.fineTune === 'last:5') throw refusal('not_fine_tunable', 'Only the last stage can be trained.', 'last:5');
      return { ...estimate, pictures: this.#classes.reduce((sum, { images }) => sum + images.length, 0) };
    });
  }

  async startTraining(config: Partial<TrainConfig>): Promise<void> {
    this.calls.push('startTraining');
    if ('undefined' in config || Object.values(config).some((value) => value === undefined)) throw new Error('undefined reached the core');
    if (this.#run) throw refusal('training_running', 'Training is already running.');
    if (this.#classes.length < 2) throw refusal('too_few_classes', 'Training needs two classes.', String(this.#classes.length));
    this.#run = { epochs: config.epochs ?? 3, step: 0 };
  }

  step(): Promise<TrainEvent> {
    return this.#slowly(() => {
      const [run, measuring] = [this.#run, this.#measuring];
      if (!run) throw refusal('not_training', 'No training is running.');
      this.steps += 1;
      if (measuring) {
        const kind = measuring.left-- > 0 ? 'step' : 'done';
        if (kind === 'done') this.#finish('cancelled', measuring.epochs);
        return { ...event(kind, measuring.epochs, run.step, run.epochs), phase: 'measure' };
      }
      run.step += 1;
      if (this.faults.step?.at === this.steps) throw this.faults.step.error;
      if (run.step <= (this.faults.prepare ?? 0)) return { ...event('step', 0, run.step, run.epochs), phase: 'prepare' };
      const epoch = Math.ceil(run.step / STEPS_AN_EPOCH);
      const ended = run.step > run.epochs * STEPS_AN_EPOCH;
      if (ended) this.#finish('finished', run.epochs);
      const kind = ended ? 'done' : run.step % STEPS_AN_EPOCH === 0 ? 'epoch' : 'step';
      return event(kind, Math.min(epoch, run.epochs), run.step, run.epochs);
    });
  }

  stopTraining(): Promise<void> {
    this.calls.push('stopTraining');
    return this.#slowly(() => {
      const run = this.#run;
      if (!run) throw refusal('not_training', 'No training is running.');
      if (run.step <= (this.faults.prepare ?? 0)) {
        this.#run = null;
        throw refusal('not_trained', 'There is no trained model yet.');
      }
      this.#measuring = { left: this.faults.measure ?? 0, epochs: Math.floor(run.step / STEPS_AN_EPOCH) };
    });
  }

  cancelTraining(): Promise<void> {
    this.calls.push('cancelTraining');
    return this.#slowly(() => {
      const run = this.#run;
      this.#run = null;
      if (!run) throw refusal('not_training', 'No training is running.');
      if (run.step <= (this.faults.prepare ?? 0)) throw refusal('not_trained', 'There is no trained model yet.');
      this.#finish('cancelled', Math.floor(run.step / STEPS_AN_EPOCH));
    });
  }

  predict(_rgba: Uint8Array, width: number): Promise<{ className: string; probability: number }[]> {
    this.calls.push(`predict ${width}`);
    return this.#slowly(() => {
      if (this.faults.predict) throw this.faults.predict;
      return [{ className: `seen ${width}`, probability: 1 }];
    });
  }

  embed = async () => new Float32Array(4);
  evaluate = () => Promise.reject(refusal('not_trained', 'There is no trained model yet.'));
  save = async () => new Uint8Array([80, 75]);
  async load(): Promise<void> {}

  #class(name: string): ClassSummary {
    const found = this.#classes.find((each) => each.name === name);
    if (!found) throw refusal('class_unknown', `There is no class named “${name}”.`, name);
    return found;
  }

  #finish(stopped: TrainReport['stopped'], epochs: number): void {
    this.#run = null;
    this.#measuring = null;
    this.#report = { stopped, epochs_run: epochs, classes: this.#classes.map(({ name }) => name) } as TrainReport;
  }

  /** Longer than a slice, so that the worker looks for messages after every call. */
  async #slowly<T>(work: () => T): Promise<T> {
    if (this.#busy) throw new Error('recursive use of an object detected');
    this.#busy = true;
    await new Promise((resolve) => setTimeout(resolve, 2));
    this.#busy = false;
    return work();
  }
}

const estimate: Estimate = {
  boundary: 1,
  trainableStages: [],
  trainableParameters: 8,
  cacheShape: [4, 1, 1],
  views: 2,
  pictures: 0,
  cacheBytes: 0,
  memoryLimit: 1000,
  storage: 'full',
  prepareSeconds: null,
  epochSeconds: null,
  totalSeconds: null,
  note: '',
};

/** A core that hands out one given session. */
export function fakeCore(session: FakeSession, faults: Faults = {}): Core {
  return {
    create: () => (faults.create ? Promise.reject(faults.create) : Promise.resolve(session)),
    defaultConfig: () => ({ epochs: 3, fineTune: 'none', seed: 0 }) as TrainConfig,
    settingRules: () => ({ settings: [] }),
  };
}

/** An event with nothing but its place in the run. */
export function event(kind: TrainEvent['kind'], epoch: number, step: number, epochs = 3): TrainEvent {
  return {
    kind, phase: 'head', epoch, epochs, step, steps: epochs * STEPS_AN_EPOCH, loss: 1 / step, accuracy: 1,
    validationLoss: null, validationAccuracy: null, learningRates: [], bestEpoch: null, improved: false, imagesPerSecond: 1, eta: 0,
    memory: 0, hint: null,
  };
}
