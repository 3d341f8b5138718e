import type { BackboneEntry, BackboneReport } from '../../headstart.js';
import type { BackboneFilesFound } from '../../media/index.js';
import type { BackboneChoice } from '../../state/backbone-types.js';

/** A backbone from the disk. */
export interface Brought extends BackboneFilesFound {
  readonly id: string;
}

/** Ids of those from the disk begin like this, as no folder's name does. */
const DISK = 'disk:';

export function diskId(number: number): string {
  return `${DISK}${number}`;
}

export function isFromDisk(id: string): boolean {
  return id.startsWith(DISK);
}

/** The name of its folder, which no other has. */
export function idOf({ folder }: Pick<BackboneEntry, 'folder'>): string {
  return decodeURIComponent(folder.replace(/\/$/, '').split('/').at(-1) ?? folder);
}

/** One of the list. */
export function served(entry: BackboneEntry): BackboneChoice {
  const { label, name, bytes, inputSize, features, parameters, top1, top1Size, license, source } = entry;
  return { id: idOf(entry), kind: 'served', label, name, bytes, inputSize, features, parameters, top1, top1Size, license, source };
}

/** One from the disk, once the trainer has told what it is. */
export function fromDisk({ id, name, weights }: Brought, report: BackboneReport): BackboneChoice {
  const { label, inputSize, features, parameters, license, source } = report;
  const published = { top1: null, top1Size: null };
  return { id, kind: 'disk', label, name, bytes: weights.size, inputSize, features, parameters, ...published, license, source };
}
