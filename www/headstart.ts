/**
 * Headstart: train an image classifier in a browser tab, and use it.
 *
 * ```js
 * import { Trainer, Classifier } from './headstart.js';
 *
 * const trainer = await Trainer.create();
 * await trainer.addClass('cat');
 * await trainer.addClass('dog');
 * for (const file of catFiles) await trainer.addImage('cat', file);
 * for (const file of dogFiles) await trainer.addImage('dog', file);
 * const run = trainer.train({ epochs: 20 });
 * for await (const event of run) console.log(event.epoch, event.loss);
 * const file = await trainer.save();
 *
 * const classifier = await Classifier.load(file);
 * const [best] = await classifier.predict(picture);
 * ```
 *
 * All computing happens in a worker that this module starts; no picture leaves the tab. Serve the whole `dist` folder from your own
 * site: a browser starts workers only from the page's own origin.
 *
 * @module
 */
export type { BackboneChange } from './client/backbone-change.js';
export { listBackbones } from './client/backbones.js';
export type { AssetsOptions, BackboneEntry, BackboneRef } from './client/backbones.js';
export { Classifier } from './client/classifier.js';
export type { ClassifierOptions } from './client/classifier.js';
export { HeadstartError } from './client/error.js';
export type { Checkpoint, Run, TrainOptions } from './client/run.js';
export type { PictureSource } from './client/source.js';
export { Trainer } from './client/trainer.js';
export type { AddClassOptions, AddImageOptions, ExportOptions, SaveOptions, SaveProjectOptions, TrainerOptions } from './client/trainer.js';
export type {
  BackboneFiles,
  BackboneOutcome,
  BackboneProgress,
  BackboneSource,
  ClassRef,
  ErrorCode,
  Failure,
  SavedProject,
} from './protocol.js';
export type {
  Answer,
  BackboneReport,
  ClassMetrics,
  ClassSummary,
  EngineChoice,
  EngineKind,
  EngineReport,
  Estimate,
  Evaluation,
  ExportFormat,
  GroupRate,
  ImageCounts,
  LayerReport,
  ModelClass,
  NumberRange,
  Part,
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
  TestEvaluation,
  TrainConfig,
  TrainEvent,
  TrainReport,
  Warning,
  WeightStorage,
} from './generated/types.js';
