import type { KeptProject, ProjectPlace } from '../../storage/project.js';
import { takeProject } from '../../storage/lock.js';
import { Shelf } from '../../storage/shelf.js';

/** What was found on this device when the page began. */
export interface Recalled {
  /** Null where the browser refuses storage. */
  readonly shelf: Shelf | null;
  readonly project: { readonly place: ProjectPlace; readonly kept: KeptProject } | null;
  /** Another tab has it. */
  readonly elsewhere: boolean;
  /** What cannot be opened and why. */
  readonly problem: string | null;
}

export const NOTHING: Recalled = { shelf: null, project: null, elsewhere: false, problem: null };

/** The address of a project that does not exist yet. */
export const NEW_PROJECT = 'new';
const DELETED = 'The project at this address was deleted: bring it back under “Projects”.';
/** Storage that takes longer is taken for refused: the page must come. */
const PATIENCE_MS = 5000;

/** Which project an address asks for: its id, a new one, or null for the latest. */
export function projectOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#/, '')).get('project');
}

export function addressOf(project: string): string {
  return `#project=${project}`;
}

/** Opens the project that the address asks for or, where it asks for none, the latest. */
export async function recall(hash: string): Promise<Recalled> {
  try {
    const late = new Promise<never>((_, reject) => setTimeout(reject, PATIENCE_MS, new Error('The storage does not answer.')));
    const shelf = await Promise.race([Shelf.open(), late]);
    const recalled = await open(shelf, projectOf(hash));
    // Nobody waits for it.
    void shelf.purge(Date.now()).catch(() => undefined);
    return recalled;
  } catch {
    // A page without storage works, and says so.
    return NOTHING;
  }
}

async function open(shelf: Shelf, wanted: string | null): Promise<Recalled> {
  const latest = (await shelf.list()).find(({ deleted }) => deleted === null)?.id ?? null;
  const id = wanted ?? latest;
  if (id === null || id === NEW_PROJECT) return { ...NOTHING, shelf };
  const place = shelf.place(id);
  // The page before a reload may be about to let go of it.
  const free = (await takeProject(id)) || (await later().then(() => takeProject(id)));
  const kept = await place.read(free);
  if (kept !== null && kept.summary.deleted !== null) return { ...NOTHING, shelf, problem: DELETED };
  if (kept !== null) return { shelf, project: { place, kept }, elsewhere: !free, problem: null };
  return { ...NOTHING, shelf, problem: 'The project at this address is not on this device, or was made by a newer version of this page.' };
}

function later(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 400));
}
