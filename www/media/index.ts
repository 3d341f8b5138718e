/** Files that people bring. Nothing here knows the page's elements, only what it is handed. */
export { findBackbone } from './backbone-files.js';
export type { BackboneFilesFound } from './backbone-files.js';
export { filesOfInput, filesOfTransfer, sortFound } from './files.js';
export type { FoundFile, InFolders, Sets, TransferLike } from './files.js';
