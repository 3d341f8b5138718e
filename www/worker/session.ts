import type {
  Arithmetic,
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  LayerReport,
  ModelClass,
  Part,
  PictureAnswer,
  Prediction,
  Readiness,
  SavedBackbone,
  SettingRules,
  TestEvaluation,
  TrainConfig,
  TrainEvent,
  TrainReport,
  Unprepared,
  ValidationEvaluation,
} from '../generated/types.js';
import type { ClassRef, NamedFile } from '../protocol.js';

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
  /** Tries the GPU where that is still to be done; with what {@link Session.engine} gave after that before, nothing is measured. */
  chooseEngines(kept: EngineReport | null): Promise<void>;
  backbone(): BackboneReport;
  /** Without `config` the architecture is told by the weights. */
  setBackbone(config: string | undefined, weights: Uint8Array, name: string | undefined, arithmetic?: Arithmetic): Promise<void>;
  /** The text of its `config.json`, with what it computes in. */
  card(): Promise<string>;
  /** What the backbone has not seen. */
  unprepared(): Promise<Unprepared[]>;
  /** Gives a picture that lacks them its pixels for the present backbone; it stays the picture that it was. */
  givePixels(id: number, pixels: Uint8Array, bgra: boolean, width: number, height: number): Promise<void>;
  /** Embeds a picture whose pixels are there. */
  prepareImage(id: number): Promise<void>;
  /** Says that a picture's pixels cannot be had. */
  leaveOut(id: number): Promise<void>;
  /** Milliseconds that a picture takes on a backbone: by its card, or by its weights where it has none; without either on the present one. */
  measureBackbone(config: string | undefined, weights: Uint8Array | undefined, arithmetic: Arithmetic | undefined): Promise<number>;
  layers(config: Partial<TrainConfig>): Promise<LayerReport[]>;
  estimate(config: Partial<TrainConfig>): Promise<Estimate>;
  readiness(config: Partial<TrainConfig>): Promise<Readiness>;
  /** Gives the class's number, which is `id` where there is one. */
  addClass(name: string, id?: number): Promise<number>;
  renameClass(ref: ClassRef, to: string): Promise<void>;
  removeClass(ref: ClassRef): Promise<void>;
  /** By name: of several removed ones the last. */
  mergeClasses(from: ClassRef, into: ClassRef): Promise<void>;
  restoreClass(ref: ClassRef): Promise<void>;
  classes(): Promise<ClassSummary[]>;
  /** Gives the picture's number, which is `id` where there is one; a picture that was known without its pixels has them then. */
  addImage(ref: ClassRef, pixels: Uint8Array, bgra: boolean, width: number, height: number, group?: string, id?: number, part?: Part): Promise<number>;
  /** Looks at a picture for another session, or ahead of its turn; what this gives is added later. */
  study(pixels: Uint8Array, bgra: boolean, width: number, height: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Adds a picture as {@link Session.addImage} does that {@link Session.study} was asked about; null where that session had another backbone. */
  addStudied(ref: ClassRef, studied: Uint8Array, group?: string, id?: number, part?: Part): Promise<number | null>;
  /** Has the pixels of a picture take less memory where that was put off; tells whether there was one. */
  packNext(): Promise<boolean>;
  /**
   * Embeds a picture, or some, in the other views that most trainings want, while there is nothing else to do; what is still missing is a part
   * of a training. Tells whether there may be more to do.
   */
  embedAhead(): Promise<boolean>;
  /** The same for one picture. */
  embedUsual(id: number): Promise<void>;
  /** What was computed of a picture, to be kept beside it; null where nothing was. */
  featuresOf(id: number): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Takes that in again ahead of the picture; tells whether it is of use. */
  offerFeatures(kept: Uint8Array): Promise<boolean>;
  /** The class of a picture; null where the picture, or its class, was removed or never was. */
  classOf(id: number): Promise<number | null>;
  /** What a picture is there for; null as for its class. */
  partOf(id: number): Promise<Part | null>;
  /** Puts a picture into the test set, or takes it out of there. */
  setPart(id: number, part: Part): Promise<void>;
  moveImage(id: number, ref: ClassRef): Promise<void>;
  removeImage(id: number): Promise<void>;
  restoreImage(id: number): Promise<void>;
  /** Frees removed pictures for good. */
  forgetImages(ids: Float64Array): Promise<void>;
  /** Says who helps where a training computes on the CPU; they have the session's backbone. */
  setCrew(crew: Crew): Promise<void>;
  /** Does a part of the work of another session, which has the same backbone. */
  help(task: string, values: Float32Array): Promise<Float32Array<ArrayBuffer>>;
  /** Anew, or going on from what {@link Session.checkpoint} gave. */
  startTraining(config: Partial<TrainConfig>, checkpoint: Uint8Array | undefined): Promise<void>;
  /** What the run can go on from; null but between two epochs. */
  checkpoint(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Steps for so many milliseconds, one at least, up to the end of an epoch or the border of a phase; gives the last one's event. */
  step(milliseconds: number): Promise<TrainEvent>;
  /** Ends the run with the best weights so far; the steps that follow measure them, up to the event `done`. */
  stopTraining(): Promise<void>;
  /** The same with all the measuring at once. */
  cancelTraining(): Promise<void>;
  report(): Promise<TrainReport | null>;
  predict(pixels: Uint8Array, bgra: boolean, width: number, height: number): Promise<Prediction[]>;
  embed(pixels: Uint8Array, bgra: boolean, width: number, height: number): Promise<Float32Array>;
  evaluate(): Promise<ValidationEvaluation>;
  /** On the test set, without what the model knows of it. */
  evaluateOnTest(): Promise<TestEvaluation>;
  measureAnswers(answered: readonly (readonly [string, Prediction[]])[]): Promise<Evaluation>;
  answer(id: number): Promise<PictureAnswer>;
  save(backbone: SavedBackbone): Promise<Uint8Array<ArrayBuffer>>;
  export(
    format: string,
    weights: string,
    bare: boolean,
    name: string,
    page: readonly NamedFile[],
  ): Promise<{ extension: string; bytes: Uint8Array<ArrayBuffer> }>;
  /** With the backbone that the model may refer to; the same for {@link OpenSession}. */
  load(file: Uint8Array, config?: string, weights?: Uint8Array): Promise<void>;
  modelClasses(): Promise<ModelClass[] | null>;
  write(pictures: boolean): Promise<Written>;
}

/** Whoever computes parts of a training beside the session. */
export interface Crew {
  /** How many there are by now; those that have gone are counted, too. */
  members(): number;
  /** How many there may be. */
  most(): number;
  /** Has one of them, counted from 0, do something; null where it cannot. The numbers are its own from then on. */
  ask(member: number, task: string, values: Float32Array): Promise<Float32Array | null>;
  /** Room for so many numbers to ask a member with: where an answer of its was, if that is large enough. */
  room(member: number, count: number): Float32Array;
  /** Takes an answer's memory back, which has been read. */
  spare(member: number, values: Float32Array): void;
}

/** What a model that only predicts answers. */
export type ModelSession = Pick<Session, 'engine' | 'chooseEngines' | 'backbone' | 'modelClasses' | 'report' | 'predict'>;

/** Makes a session on a saved model's own backbone, with the model loaded. */
export type OpenSession = (engine: EngineChoice, file: Uint8Array, config?: string, weights?: Uint8Array) => Promise<ModelSession>;

/** How the CPU engine multiplies and adds: with relaxed SIMD in one operation, which rounds once and not twice. */
export type Simd = 'relaxed' | 'plain';

/** The wasm package: how a session is made, the settings where nothing else is asked for, and what they may be. */
export interface Core {
  create(
    engine: EngineChoice,
    config: string | undefined,
    weights: Uint8Array,
    name: string | undefined,
    arithmetic: Arithmetic | undefined,
  ): Promise<Session>;
  /** A session that goes on with what {@link Session.write} gave. */
  open(
    engine: EngineChoice,
    config: string | undefined,
    weights: Uint8Array,
    project: string,
    model: Uint8Array | undefined,
    pictures: Uint8Array | undefined,
    name: string | undefined,
    arithmetic: Arithmetic | undefined,
  ): Promise<Session>;
  /** Whoever is to compute the same has the same. */
  readonly simd: Simd;
  /** Its code, compiled, for others who compute on the CPU; null where it is not the package for that. */
  readonly code: WebAssembly.Module | null;
  defaultConfig(): TrainConfig;
  settingRules(): SettingRules;
}
