/** Where pictures come from: cameras, recordings, files. Nothing here knows the page's elements, only what it is handed. */
export { findBackbone } from './backbone-files.js';
export type { BackboneFilesFound } from './backbone-files.js';
export { listCameras, openCamera } from './camera.js';
export type { Camera, CameraInfo, CameraOptions } from './camera.js';
export { filesOfInput, filesOfTransfer, sortFound } from './files.js';
export type { FoundFile, InFolders, Sets, TransferLike } from './files.js';
export { eachFrame, newGroup, record } from './frames.js';
export type { Frame, Recording, RecordOptions } from './frames.js';
