/**
 * Headstart: train an image classifier in a browser tab, and use it.
 *
 * ```js
 * import { Trainer, Classifier } from './headstart.js';
 *
 * const trainer = await Trainer.create();
 * await trainer.addClass('cat');
 * await trainer.addClass('dog');
 * await trainer.addImages('cat', catFiles);
 * await trainer.addImages('dog', dogFiles);
 * const run = trainer.train({ epochs: 20 });
 * for await (const event of run) console.log(event.epoch, event.loss);
 * const file = await trainer.save();
 *
 * const classifier = await Classifier.load(file);
 * const [best] = await classifier.classify(picture);
 * ```
 *
 * All computing happens in a worker that this module starts; no picture leaves the tab.
 *
 * @module
 * @mergeModuleWith <project>
 */
export type { Abortable } from './client/abort.js';
export type { BackboneChange } from './client/backbone-change.js';
export { listBackbones } from './client/backbones.js';
export type { AssetsOptions, BackboneEntry, BackboneRef } from './client/backbones.js';
export { listCameras, openCamera } from './client/camera.js';
export type { Camera, CameraInfo, CameraOptions, MediaDevicesLike } from './client/camera.js';
export { Classifier } from './client/classifier.js';
export type { ClassifierOptions, ClassifyOptions } from './client/loaded-model.js';
export { HeadstartError } from './client/error.js';
export type { Checkpoint, Run, TrainOptions } from './client/run.js';
export { eachFrame, newGroup, record } from './client/frames.js';
export type { Frame, FrameSource, Recording, RecordOptions } from './client/frames.js';
export type { PictureSource } from './client/source.js';
export { Trainer } from './client/trainer.js';
export type { AddClassOptions, AddedImages, AddImageOptions, AddImagesOptions, ArithmeticOptions, EvaluateOptions, ExportOptions, PicturesEvaluation, SaveOptions, SaveProjectOptions, TestPictures, TrainerOptions } from './client/trainer.js';
export type {
  BackboneFiles,
  BackboneOutcome,
  BackboneProgress,
  BackboneSource,
  CheckpointEvent,
  ClassRef,
  ErrorCode,
  Failure,
  LoadProgress,
  SavedProject,
} from './protocol.js';
export type {
  Answer,
  Arithmetic,
  BackboneReport,
  ClassId,
  ClassMetrics,
  ClassSummary,
  EngineChoice,
  EngineKind,
  EngineReport,
  Estimate,
  Evaluation,
  EventKind,
  ExportFormat,
  GroupRate,
  ImageCounts,
  LayerReport,
  ModelClass,
  NumberRange,
  Part,
  PictureAnswer,
  PictureRole,
  PartName,
  Phase,
  Prediction,
  Readiness,
  Refusal,
  SavedBackbone,
  Seconds,
  SettingChoice,
  SettingCondition,
  SettingPart,
  SettingRule,
  SettingRules,
  SettingValue,
  Stopped,
  Storage,
  TestEvaluation,
  TrainConfig,
  TrainEvent,
  TrainReport,
  ValidationEvaluation,
  Warning,
  WeightStorage,
  Workload,
  WorkloadReport,
} from './generated/types.js';
