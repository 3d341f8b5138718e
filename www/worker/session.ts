import type {
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  LayerReport,
  ModelClass,
  Prediction,
  Readiness,
  SettingRules,
  TrainConfig,
  TrainEvent,
  TrainReport,
} from '../generated/types.js';
import type { ClassRef } from '../protocol.js';

/** A session in its written form; see `SavedProject` in the protocol. */
export interface Written {
  project: string;
  model: Uint8Array<ArrayBuffer> | null;
  pictures: Uint8Array<ArrayBuffer> | null;
}

/**
 * The wasm package's `Session`, with the types that wasm-bindgen leaves out.
 *
 * A session does one thing at a time. Where its code traps inside a promise, the promise is never settled and the error becomes an
 * uncaught one of the worker.
 */
export interface Session {
  engine(): EngineReport;
  backbone(): BackboneReport;
  layers(config: Partial<TrainConfig>): Promise<LayerReport[]>;
  estimate(config: Partial<TrainConfig>): Promise<Estimate>;
  readiness(config: Partial<TrainConfig>): Promise<Readiness>;
  /** Gives the class's number, which is `id` where there is one. */
  addClass(name: string, id?: number): Promise<number>;
  renameClass(ref: ClassRef, to: string): Promise<void>;
  removeClass(ref: ClassRef): Promise<void>;
  /** By name: of several removed ones the last. */
  restoreClass(ref: ClassRef): Promise<void>;
  classes(): Promise<ClassSummary[]>;
  /** Gives the picture's number, which is `id` where there is one; a picture that was known without its pixels has them then. */
  addImage(ref: ClassRef, rgba: Uint8Array, width: number, height: number, group?: string, id?: number): Promise<number>;
  /** The class of a picture; null where the picture, or its class, was removed or never was. */
  classOf(id: number): Promise<number | null>;
  moveImage(id: number, ref: ClassRef): Promise<void>;
  removeImage(id: number): Promise<void>;
  restoreImage(id: number): Promise<void>;
  /** Frees removed pictures for good. */
  forgetImages(ids: Float64Array): Promise<void>;
  startTraining(config: Partial<TrainConfig>): Promise<void>;
  step(): Promise<TrainEvent>;
  /** Ends the run with the best weights so far; the steps that follow measure them, up to the event `done`. */
  stopTraining(): Promise<void>;
  /** The same with all the measuring at once. */
  cancelTraining(): Promise<void>;
  report(): Promise<TrainReport | null>;
  predict(rgba: Uint8Array, width: number, height: number): Promise<Prediction[]>;
  embed(rgba: Uint8Array, width: number, height: number): Promise<Float32Array>;
  evaluate(): Promise<Evaluation>;
  save(): Promise<Uint8Array<ArrayBuffer>>;
  load(file: Uint8Array): Promise<void>;
  modelClasses(): Promise<ModelClass[] | null>;
  write(pictures: boolean): Promise<Written>;
}

/** The wasm package: how a session is made, the settings where nothing else is asked for, and what they may be. */
export interface Core {
  create(engine: EngineChoice, config: string, weights: Uint8Array): Promise<Session>;
  /** A session on a saved model's own backbone, with the model loaded. */
  ofModel(engine: EngineChoice, file: Uint8Array): Promise<Session>;
  /** A session that goes on with what {@link Session.write} gave. */
  open(
    engine: EngineChoice,
    config: string,
    weights: Uint8Array,
    project: string,
    model: Uint8Array | undefined,
    pictures: Uint8Array | undefined,
  ): Promise<Session>;
  defaultConfig(): TrainConfig;
  settingRules(): SettingRules;
}
