/** A file that may be a picture, and the folder that it came from. */
export interface FoundFile {
  file: File;
  /** Name of the folder that directly holds the file, or null for a file that was given by itself: a class, in a folder of classes. */
  folder: string | null;
}

/** The parts of a `DataTransfer` that are used here: a drop's, or the clipboard's of a paste. */
export interface TransferLike {
  readonly items: ArrayLike<Pick<DataTransferItem, 'kind' | 'getAsFile' | 'webkitGetAsEntry'>>;
}

/** The files of a file input; with the attribute `webkitdirectory` they know their folders. */
export function filesOfInput(files: ArrayLike<File>): FoundFile[] {
  return Array.from(files, (file) => ({ file, folder: parentFolder(file.webkitRelativePath ?? '') })).filter(isWanted);
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
      if (entry?.isDirectory) return filesOfFolder(entry as FileSystemDirectoryEntry);
      return file ? [{ file, folder: null }] : [];
    }),
  );
  return found.flat().filter(isWanted);
}

/** The found files by folder, in order of appearance; those without one under null. */
export function groupByFolder(found: readonly FoundFile[]): Map<string | null, File[]> {
  const groups = new Map<string | null, File[]>();
  for (const { file, folder } of found) {
    const group = groups.get(folder);
    if (group) group.push(file);
    else groups.set(folder, [file]);
  }
  return groups;
}

async function filesOfFolder(folder: FileSystemDirectoryEntry): Promise<FoundFile[]> {
  const entries = (await readAll(folder)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  const found: FoundFile[] = [];
  for (const entry of entries) {
    if (entry.isDirectory) found.push(...(await filesOfFolder(entry as FileSystemDirectoryEntry)));
    else found.push({ file: await fileOf(entry as FileSystemFileEntry), folder: folder.name });
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

function parentFolder(path: string): string | null {
  return path.split('/').at(-2) ?? null;
}

/** Not the notes that systems leave in folders; whether the rest are pictures shows when they are decoded. */
function isWanted({ file }: FoundFile): boolean {
  return !file.name.startsWith('.') && !['Thumbs.db', 'desktop.ini'].includes(file.name);
}
