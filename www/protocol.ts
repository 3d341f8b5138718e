/**
 * What the page and the worker say to each other: types only, no code.
 *
 * A worker speaks the same way to its helpers, which are workers of the same code.
 *
 * The page sends a {@link Request} and gets one {@link Reply} with the same `id`. Two calls are long: a training run, `train`, and
 * the change of the backbone, `setBackbone`. Until their reply comes, {@link CallEvent}s with the id of the call arrive. Messages are
 * served in the order of sending, with the exceptions that are described in `worker/queue.ts`.
 */
import type {
  Arithmetic,
  BackboneReport,
  ClassSummary,
  EngineChoice,
  EngineReport,
  Estimate,
  Evaluation,
  ExportFormat,
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
  ValidationEvaluation,
  WeightStorage,
} from './generated/types.js';

/** A picture as it crosses to the worker: never decoded on the page, and transferred where the browser can. */
export type Picture = Blob | ImageBitmap | ImageData;

/** A picture that was read: opaque, four bytes a pixel. */
export interface Pixels {
  bytes: Uint8Array;
  /** Whether blue comes first and red third, as browsers have pictures on most machines. */
  bgra: boolean;
  width: number;
  height: number;
}

/** A class, by its number or by its present name. */
export type ClassRef = number | string;

/**
 * A backbone's two files. `config` is the text of its `config.json`, or the file; without it the architecture is recognised by the
 * tensors of the weights.
 */
export interface BackboneFiles {
  config?: Blob | string;
  /** `model.safetensors`. */
  weights: Blob;
}

/** Where a backbone comes from: the absolute address of its folder, or its files. */
export type BackboneSource = string | BackboneFiles;

/** How far the pictures are prepared for a new backbone. */
export interface BackboneProgress {
  /** Pictures that are done with. */
  done: number;
  /** Pictures that there were to prepare. */
  total: number;
}

/** How a change of the backbone ended. */
export interface BackboneOutcome {
  /** Whether it was taken back; the backbone is the one before then. */
  cancelled: boolean;
  /**
   * Pictures that could not be read again, by their numbers, and why: their files have gone, or they came without one. They are still
   * there and take part again on the backbone before, or once they are added again under their numbers.
   */
  unreadable: { id: number; failure: Failure }[];
}

/** Every cause that an error can have, stable from version to version. */
export type ErrorCode =
  // From the Rust core.
  | 'class_name_empty'
  | 'class_name_taken'
  | 'class_unknown'
  | 'id_taken'
  | 'image_not_removed'
  | 'image_unknown'
  | 'picture_empty'
  | 'too_few_classes'
  | 'class_without_pictures'
  | 'config_invalid'
  | 'backbone_config_invalid'
  | 'backbone_unsupported'
  | 'backbone_not_recognised'
  | 'backbone_truncated'
  | 'backbone_tensor_missing'
  | 'backbone_tensor_unknown'
  | 'backbone_tensor_shape'
  | 'backbone_tensor_not_finite'
  | 'engine_unavailable'
  | 'device_lost'
  | 'not_trained'
  | 'nothing_learned'
  | 'nothing_held_out'
  | 'no_test_pictures'
  | 'not_training'
  | 'training_running'
  | 'model_file_invalid'
  | 'model_classes_differ'
  | 'model_head_differs'
  | 'model_prepares_otherwise'
  | 'model_backbone_differs'
  | 'model_needs_backbone'
  | 'model_backbone_changed'
  | 'model_backbone_unnamed'
  | 'backbone_changing'
  | 'project_file_invalid'
  | 'format_unknown'
  | 'export_unsupported'
  | 'export_page_missing'
  | 'checkpoint_invalid'
  | 'checkpoint_differs'
  | 'not_fine_tunable'
  | 'not_finite'
  | 'internal'
  // From this side.
  | 'picture_unreadable'
  | 'picture_too_large'
  | 'picture_kind_unsupported'
  | 'camera_denied'
  | 'camera_missing'
  | 'camera_busy'
  | 'worker_failed'
  | 'backbone_not_found'
  | 'busy';

/** An error as plain data, so that nothing of it is lost on the way. */
export interface Failure {
  code: ErrorCode;
  /** One clear sentence for a person. */
  message: string;
  /** The offending value, where there is one. */
  value?: string | undefined;
}

/**
 * A project in its written form, to be kept anywhere a page can keep things, and opened again with another engine or in another tab.
 *
 * Where `pictures` is null the pictures are known by number, class and group, but not what is on them: training and measuring need
 * them to be added again under their numbers.
 */
export interface SavedProject {
  /** JSON with a version: classes, pictures without what is on them, what was trained. */
  project: string;
  /** The trained model, where there is one; the same zip that a model is saved as. */
  model: Blob | null;
  /** What is on the pictures, in the size that the network sees, where it was asked for. */
  pictures: Blob | null;
  /** The pictures' thumbnails by their numbers, where pictures were asked for. */
  thumbnails: ReadonlyMap<number, Blob> | null;
  /**
   * What the pictures were added as, by their numbers, where pictures were asked for: for another backbone they are decoded again.
   * Files stay where they are on the disk, as long as they came from there.
   */
  sources: ReadonlyMap<number, Blob> | null;
  /** The backbone that it was on. Opened with another, it is a project whose backbone was changed. */
  backbone: BackboneSource;
}

/** Where the backbone is that a saved model may refer to. */
export interface ModelBackbone {
  /** The address that folders of backbones are found below by their names. */
  beside: string;
  /** A backbone that is taken in any case. */
  instead?: BackboneSource | undefined;
}

/** News for what the page keeps a copy of, so that it can be read without asking. What is left out is as it was. */
export interface Change {
  /** All classes, after calls that concern classes. */
  classes?: ClassSummary[];
  /** One picture that came, moved or went, so that a message is no longer where there are more pictures. */
  image?: ImageChange;
  /** The labels that `predict` answers with, or null where there is no model. */
  model?: ModelClass[] | null;
  /** What computes: it changes when a GPU is lost and the CPU takes over. */
  engine?: EngineReport;
  /** What turns pictures into features now. */
  backbone?: BackboneReport;
}

/** Where a picture is now. */
export interface ImageChange {
  id: number;
  /** Null where it was removed. */
  classId: number | null;
  /** What it is there for; null where it was removed. */
  part: Part | null;
}

/** What a picture that is added may come with. */
export interface ImageOptions {
  /** Its group: near-copies of each other. */
  group?: string | undefined;
  /** Its number, where the caller gives it one. */
  id?: number | undefined;
  /** What it is there for; to learn from where nothing is said. */
  part?: Part | undefined;
  /** What {@link Calls.features} gave of it. */
  features?: Uint8Array | undefined;
  /** So many more are added with it that are still to come. */
  following?: number | undefined;
}

/** How a run is kept from being lost. */
export interface RunCare {
  /** What it goes on from, where it was cut short before. */
  checkpoint?: Blob | undefined;
  /** Seconds between two {@link CheckpointEvent}s at least, with 0 after every epoch; none come where nothing is said. */
  checkpointSeconds?: number | undefined;
}

/** What the run can go on from, should it be cut short: `epoch` of `epochs` have ended. */
export interface CheckpointEvent {
  kind: 'checkpoint';
  epoch: number;
  epochs: number;
  checkpoint: Blob;
}

/** A picture that another worker has looked at, for this one to add. */
export interface Studied {
  pixels: Pixels;
  /** A small JPEG of it, where it is a file. */
  thumbnail: Blob | null;
  /** What there is to be known of it, in the words of the core. */
  studied: Uint8Array<ArrayBuffer>;
}

/** What a fresh session tells about itself. */
export interface Created {
  defaults: TrainConfig;
  rules: SettingRules;
  /** Pictures of the project that are still to be prepared for the backbone: see `prepare`. */
  unprepared: number;
  /** Of the training that its model comes from, where that is told. */
  report: TrainReport | null;
}

/** How far the files are that a trainer or a classifier starts with. */
export interface LoadProgress {
  /** What is on its way. */
  what: 'backbone' | 'model';
  /** Bytes that have come. */
  loaded: number;
  /** All of them; null where the server does not say. */
  total: number | null;
}

/** What is told of a model that was opened. */
export interface Opened {
  /** Of the training that it comes from, where that is told. */
  report: TrainReport | null;
}

/** How a model is exported. */
export interface ExportCall {
  weights: WeightStorage;
  bare: boolean;
  name: string;
  /** The files of a page of its own, where that is the format. */
  page: readonly NamedFile[];
}

/** A file's name and what is in it. */
export type NamedFile = readonly [name: string, bytes: Uint8Array];

/** Every call with what it takes and gives. */
export interface Calls {
  create: {
    args: [engine: EngineChoice, backbone: BackboneSource, project: SavedProject | undefined, arithmetic: Arithmetic | undefined];
    result: Created;
  };
  /** A session on a saved model and its own backbone: one is fetched only where the model refers to it. */
  ofModel: { args: [engine: EngineChoice, model: Blob | string, backbone: ModelBackbone]; result: Opened };
  addClass: { args: [name: string, id: number | undefined]; result: number };
  renameClass: { args: [ref: ClassRef, to: string]; result: void };
  removeClass: { args: [ref: ClassRef]; result: void };
  restoreClass: { args: [ref: ClassRef]; result: void };
  mergeClasses: { args: [from: ClassRef, into: ClassRef]; result: void };
  addImage: { args: [ref: ClassRef, picture: Picture, name: string, options: ImageOptions]; result: number };
  /** From one worker to another: decodes a file and embeds it, or what was read of another picture; it is not added. */
  study: { args: [picture: Blob | Pixels, name: string]; result: Studied };
  /** The same: does a part of a training's work, a task and its numbers in the words of the core. */
  help: { args: [task: string, values: Float32Array]; result: Float32Array<ArrayBuffer> };
  moveImage: { args: [id: number, ref: ClassRef]; result: void };
  setPart: { args: [id: number, part: Part]; result: void };
  removeImage: { args: [id: number]; result: void };
  restoreImage: { args: [id: number]; result: void };
  forgetImages: { args: [ids: readonly number[]]; result: void };
  thumbnail: { args: [id: number]; result: Blob };
  features: { args: [id: number]; result: Uint8Array | null };
  layers: { args: [config: Partial<TrainConfig>]; result: LayerReport[] };
  estimate: { args: [config: Partial<TrainConfig>]; result: Estimate };
  readiness: { args: [config: Partial<TrainConfig>]; result: Readiness };
  train: { args: [config: Partial<TrainConfig>, care: RunCare]; result: TrainReport };
  /** Another backbone in the place of the present one; the pictures are then prepared for it, a few at a time between other calls. */
  setBackbone: { args: [backbone: BackboneSource | null, arithmetic: Arithmetic | undefined]; result: BackboneOutcome };
  /** The same for pictures that a project came with unprepared: its backbone is another than it was saved with. */
  prepare: { args: []; result: BackboneOutcome };
  /** Milliseconds that a picture would take on a backbone. */
  measureBackbone: { args: [backbone: BackboneSource | null, arithmetic: Arithmetic | undefined]; result: number };
  predict: { args: [picture: Picture, name: string]; result: Prediction[] };
  embed: { args: [picture: Picture, name: string]; result: Float32Array };
  evaluate: { args: []; result: ValidationEvaluation };
  evaluateOnTest: { args: []; result: TestEvaluation };
  measureAnswers: { args: [answered: (readonly [className: string, Prediction[]])[]]; result: Evaluation };
  answer: { args: [id: number]; result: PictureAnswer };
  save: { args: [backbone: SavedBackbone]; result: Blob };
  export: { args: [format: ExportFormat, options: ExportCall]; result: { file: Blob; extension: string } };
  load: { args: [model: Blob | string, backbone: ModelBackbone]; result: TrainReport | null };
  write: { args: [pictures: boolean]; result: SavedProject };
  /** The addresses of what the worker has fetched by itself. */
  fetched: { args: []; result: string[] };
}

export type Call = keyof Calls;
export type Result<C extends Call> = Calls[C]['result'];

/** One call, tied to its arguments. */
export type CallRequest<C extends Call = Call> = {
  [K in C]: {
    kind: 'call';
    id: number;
    call: K;
    args: Calls[K]['args'];
    /** Steering that was asked for before this request left: a run that is cancelled by then does not take one step. */
    steering?: Control['action'][];
  };
}[C];

/** Steers the training run that was started by the call `id`, or takes back the change of the backbone. */
export interface Control {
  kind: 'control';
  id: number;
  action: 'pause' | 'resume' | 'cancel';
}

/** From a worker to one that helps it: the wasm code, compiled. */
export interface Code {
  kind: 'code';
  module: WebAssembly.Module;
}

/** Page to worker. */
export type Request = CallRequest | Control;

/** The end of a call. `change` comes where something is new since the reply before. */
export type Reply =
  | { kind: 'result'; id: number; value: unknown; change?: Change }
  | { kind: 'failure'; id: number; failure: Failure; change?: Change };

/** What a long call tells until its result is there. */
export interface CallEvents {
  create: LoadProgress;
  ofModel: LoadProgress;
  train: TrainEvent | CheckpointEvent;
  setBackbone: BackboneProgress;
  prepare: BackboneProgress;
}

export type LongCall = keyof CallEvents;

/** Progress of the long call `id`. */
export interface CallEvent {
  kind: 'event';
  id: number;
  event: CallEvents[LongCall];
  change?: Change;
}

/** Something has changed that nobody asked for: work has moved to another engine. */
export interface News {
  kind: 'news';
  change: Change;
}

/** The worker cannot go on: nothing that it was asked will be answered. */
export interface Fatal {
  kind: 'fatal';
  failure: Failure;
}

/** Worker to page. */
export type Message = Reply | CallEvent | News | Fatal;
