/**
 * Headstart's `Classifier` alone: uses a model that was trained elsewhere, on the CPU, and downloads nothing that trains.
 *
 * ```js
 * import { Classifier } from './predict.js';
 *
 * const classifier = await Classifier.load('model.zip');
 * const [best] = await classifier.classify(picture);
 * ```
 *
 * All computing happens in a worker that this module starts; no picture leaves the tab.
 *
 * @module
 */
export type { Abortable } from './client/abort.js';
export type { AssetsOptions, BackboneRef } from './client/backbones.js';
export { listCameras, openCamera } from './client/camera.js';
export type { Camera, CameraInfo, CameraOptions, MediaDevicesLike } from './client/camera.js';
export { HeadstartError } from './client/error.js';
export type { FrameSource } from './client/frames.js';
export type { ClassifierOptions, ClassifyOptions } from './client/loaded-model.js';
export { Classifier } from './client/predict-classifier.js';
export type { PictureSource } from './client/source.js';
export type { BackboneFiles, ErrorCode, Failure, LoadProgress } from './protocol.js';
export type { EngineChoice, EngineKind, EngineReport, Prediction, TrainReport, Workload, WorkloadReport } from './generated/types.js';
