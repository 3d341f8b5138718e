import type {
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  LayerReport,
  Prediction,
  SettingRules,
  TrainConfig,
  TrainEvent,
  TrainReport,
} from '../generated/types.js';

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
  addClass(name: string): Promise<void>;
  renameClass(name: string, to: string): Promise<void>;
  removeClass(name: string): Promise<void>;
  restoreClass(name: string): Promise<void>;
  classes(): Promise<ClassSummary[]>;
  addImage(className: string, rgba: Uint8Array, width: number, height: number, group?: string): Promise<number>;
  moveImage(id: number, className: string): Promise<void>;
  removeImage(id: number): Promise<void>;
  restoreImage(id: number): Promise<void>;
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
  modelClasses(): Promise<string[] | null>;
}

/** The wasm package: how a session is made, the settings where nothing else is asked for, and what they may be. */
export interface Core {
  create(engine: EngineChoice, config: string, weights: Uint8Array): Promise<Session>;
  defaultConfig(): TrainConfig;
  settingRules(): SettingRules;
}
