/**
 * What the page and the worker say to each other: types only, no code.
 *
 * The page sends a {@link Request} and gets one {@link Reply} with the same `id`. A training run is one long call, `train`: its
 * reply is the report, and until then {@link RunEvent}s with the id of the call arrive. Messages are served in the order of sending,
 * with two exceptions that are described in `worker/queue.ts`.
 */
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
} from './generated/types.js';

/** A picture as it crosses to the worker: never decoded on the page, and transferred where the browser can. */
export type Picture = Blob | ImageBitmap | ImageData;

/** Every cause that an error can have, stable from version to version. */
export type ErrorCode =
  // From the Rust core.
  | 'class_name_empty'
  | 'class_name_taken'
  | 'class_unknown'
  | 'image_unknown'
  | 'picture_empty'
  | 'too_few_classes'
  | 'class_without_pictures'
  | 'config_invalid'
  | 'backbone_config_invalid'
  | 'backbone_unsupported'
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
  | 'not_training'
  | 'training_running'
  | 'model_file_invalid'
  | 'not_fine_tunable'
  | 'not_finite'
  | 'internal'
  // From this side.
  | 'picture_unreadable'
  | 'picture_too_large'
  | 'camera_denied'
  | 'camera_missing'
  | 'camera_busy'
  | 'worker_failed'
  | 'backbone_not_found'
  | 'format_unknown'
  | 'busy';

/** An error as plain data, so that nothing of it is lost on the way. */
export interface Failure {
  code: ErrorCode;
  /** One clear sentence for a person. */
  message: string;
  /** The offending value, where there is one. */
  value?: string | undefined;
}

/** What the page keeps a copy of, so that it can be read without asking. */
export interface State {
  classes: ClassSummary[];
  /** The labels that `predict` answers with, or null before there is a model. */
  modelClasses: string[] | null;
  /** In the state because it changes when a GPU is lost and the CPU takes over. */
  engine: EngineReport;
}

/** What a fresh session tells about itself. */
export interface Created {
  backbone: BackboneReport;
  defaults: TrainConfig;
  rules: SettingRules;
}

/** Every call with what it takes and gives. */
export interface Calls {
  create: { args: [engine: EngineChoice, backbone: string]; result: Created };
  addClass: { args: [name: string]; result: void };
  renameClass: { args: [name: string, to: string]; result: void };
  removeClass: { args: [name: string]; result: void };
  restoreClass: { args: [name: string]; result: void };
  addImage: { args: [className: string, picture: Picture, name: string, group: string | undefined]; result: number };
  moveImage: { args: [id: number, className: string]; result: void };
  removeImage: { args: [id: number]; result: void };
  restoreImage: { args: [id: number]; result: void };
  thumbnail: { args: [id: number]; result: Blob };
  layers: { args: [config: Partial<TrainConfig>]; result: LayerReport[] };
  estimate: { args: [config: Partial<TrainConfig>]; result: Estimate };
  train: { args: [config: Partial<TrainConfig>]; result: TrainReport };
  predict: { args: [picture: Picture, name: string]; result: Prediction[] };
  embed: { args: [picture: Picture, name: string]; result: Float32Array };
  evaluate: { args: []; result: Evaluation };
  save: { args: []; result: Blob };
  load: { args: [model: Blob | string]; result: void };
}

export type Call = keyof Calls;
export type Result<C extends Call> = Calls[C]['result'];

/** One call, tied to its arguments. */
export type CallRequest<C extends Call = Call> = {
  [K in C]: { kind: 'call'; id: number; call: K; args: Calls[K]['args'] };
}[C];

/** Steers the training run that was started by the call `id`. */
export interface Control {
  kind: 'control';
  id: number;
  action: 'pause' | 'resume' | 'cancel';
}

/** Page to worker. */
export type Request = CallRequest | Control;

/** The end of a call. `state` comes with every call that may have changed it. */
export type Reply =
  | { kind: 'result'; id: number; value: unknown; state?: State }
  | { kind: 'failure'; id: number; failure: Failure; state?: State };

/** Progress of the training run that was started by the call `id`. */
export interface RunEvent {
  kind: 'event';
  id: number;
  event: TrainEvent;
}

/** The worker cannot go on: nothing that it was asked will be answered. */
export interface Fatal {
  kind: 'fatal';
  failure: Failure;
}

/** Worker to page. */
export type Message = Reply | RunEvent | Fatal;
