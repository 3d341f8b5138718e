/** Something that lies in folders. */
export interface InFolders {
  /** Names of the folders that it lies in, the outermost first; none for a file that was given by itself. */
  readonly folders: readonly string[];
}

/** A file that may be a picture, and where it came from. */
export interface FoundFile extends InFolders {
  readonly file: File;
}

/** Files by what they are for. */
export interface Sets<T> {
  /** To learn from, by class: the folder that directly holds them, in order of appearance. Those without a folder are under null. */
  readonly classes: Map<string | null, T[]>;
  /** To test with, by the name of the folder that says so. */
  readonly tests: Map<string, T[]>;
  /** The same by class; those of which no folder says it are under null. */
  readonly tested: Map<string | null, T[]>;
}

const TEST = /^(test|testing|val|valid|validation)$/i;
const TRAIN = /^(train|training)$/i;

/** The parts of a `DataTransfer` that are used here: a drop's, or the clipboard's of a paste. */
export interface TransferLike {
  readonly items: ArrayLike<Pick<DataTransferItem, 'kind' | 'getAsFile' | 'webkitGetAsEntry'>>;
}

/** The files of a file input; with the attribute `webkitdirectory` they know their folders. */
export function filesOfInput(files: ArrayLike<File>): FoundFile[] {
  return Array.from(files, (file) => ({ file, folders: foldersOf(file.webkitRelativePath ?? '') })).filter(isWanted);
}

/**
 * The files of a drop or a paste, with everything inside of folders, in the order of their names.
 *
 * Call it while the event is being handled: the browser empties the transfer afterwards.
 */
export async function filesOfTransfer(transfer: TransferLike): Promise<FoundFile[]> {
  // Everything is taken out before the first wait, for the same reason.
  const taken = Array.from(transfer.items)
    .filter((item) => item.kind === 'file')
    .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  const found = await Promise.all(
    taken.map(async ({ entry, file }) => {
      if (entry?.isDirectory) return filesOfFolder(entry as FileSystemDirectoryEntry, []);
      return file ? [{ file, folders: [] }] : [];
    }),
  );
  return found.flat().filter(isWanted);
}

/**
 * Tells classes from test sets. A folder called “test” or “validation” is a test set where it has the folders of classes in it, or a
 * folder called “train” beside it; anywhere else it is a class like any other.
 */
export function sortFound<T extends InFolders>(found: readonly T[]): Sets<T> {
  const inside = foldersInside(found);
  const has = (path: readonly string[], name: RegExp): boolean => inside.get(path.join('/'))?.some((each) => name.test(each)) ?? false;
  const isTest = (folder: string, depth: number, folders: readonly string[]): boolean =>
    TEST.test(folder) && (inside.has(folders.slice(0, depth + 1).join('/')) || has(folders.slice(0, depth), TRAIN));
  const sets: Sets<T> = { classes: new Map(), tests: new Map(), tested: new Map() };
  /** What a file of a test set is a picture of, where folders say so: below it, or above it where each class is split inside of its own. */
  const classOfTest = (folders: readonly string[], depth: number): string | null => {
    if (depth < folders.length - 1) return folders.at(-1) ?? null;
    const above = folders.slice(0, depth);
    const beside = inside.get(above.join('/'))?.find((name) => TRAIN.test(name));
    return beside === undefined || inside.has([...above, beside].join('/')) ? null : (above.at(-1) ?? null);
  };
  for (const each of found) {
    const { folders } = each;
    const depth = folders.findIndex(isTest);
    const test = folders[depth];
    const above = folders.slice(0, -1);
    // The train half of a class that is split inside of its own folder.
    const isHalf = TRAIN.test(folders.at(-1) ?? '') && has(above, TEST);
    if (test !== undefined) {
      put(sets.tests, test, each);
      put(sets.tested, classOfTest(folders, depth), each);
    } else put(sets.classes, (isHalf ? above : folders).at(-1) ?? folders.at(-1) ?? null, each);
  }
  return sets;
}

/** The names of the folders in each folder that has any, by its path. */
function foldersInside(found: readonly InFolders[]): Map<string, string[]> {
  const inside = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const { folders } of found) {
    folders.forEach((name, depth) => {
      const path = folders.slice(0, depth + 1).join('/');
      if (!seen.has(path)) put(inside, folders.slice(0, depth).join('/'), name);
      seen.add(path);
    });
  }
  return inside;
}

function put<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}

async function filesOfFolder(folder: FileSystemDirectoryEntry, above: readonly string[]): Promise<FoundFile[]> {
  const folders = [...above, folder.name];
  const entries = (await readAll(folder)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const found: FoundFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory) found.push(...(await filesOfFolder(entry as FileSystemDirectoryEntry, folders)));
    else found.push({ file: await fileOf(entry as FileSystemFileEntry), folders });
  }
  return found;
}

async function readAll(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  // A reader hands out a part at a time (100 in Chromium) and nothing at the end.
  for (;;) {
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return all;
    all.push(...part);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

function foldersOf(path: string): string[] {
  return path.split('/').slice(0, -1);
}

/** Not the notes that systems leave in folders; whether the rest are pictures shows when they are decoded. */
function isWanted({ file }: FoundFile): boolean {
  return !file.name.startsWith('.') && !['Thumbs.db', 'desktop.ini'].includes(file.name);
}
