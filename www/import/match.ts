/** Which file a list of labels means by a name. */
import { put } from './groups.js';
import type { LabelList, LabelRow } from './labels.js';
import type { Given } from './types.js';

/** A list's labels on the files that came with it. */
export interface Labelled {
  readonly labels: ReadonlyMap<Given, LabelRow>;
  /** Names that stand in the list and that no file has. */
  readonly missing: readonly string[];
  /** Files that stand in the list twice, with different labels. */
  readonly twice: readonly string[];
}

/** Puts a list that lies in `folders` on the files at and below that place. */
export function matchList(list: LabelList, folders: readonly string[], files: readonly Given[]): Labelled {
  // A table of anything may begin with numbers, and so may the names of pictures.
  const index = new Index(files.filter((file) => isBelow(file, folders)), folders.length, list.hasHeader);
  const labels = new Map<Given, LabelRow>();
  const missing: string[] = [];
  const twice = new Set<string>();
  for (const row of list.rows) {
    const file = index.find(row.file);
    if (file === null) missing.push(row.file);
    else if (!labels.has(file)) labels.set(file, row);
    else if (labels.get(file)?.label !== row.label) twice.add(row.file);
  }
  // Names of columns that nobody knows are no file.
  if (!list.hasHeader && missing[0] === list.rows[0]?.file) missing.shift();
  return { labels, missing, twice: [...twice] };
}

export function isBelow(file: Given, folders: readonly string[]): boolean {
  return folders.every((folder, depth) => file.folders[depth] === folder);
}

/** Files by their names in small letters, and where `stems` also without what follows the last dot. */
class Index {
  readonly #files = new Map<string, Given[]>();
  readonly #depth: number;

  constructor(files: readonly Given[], depth: number, stems: boolean) {
    this.#depth = depth;
    for (const file of files) {
      const name = file.name.toLowerCase();
      for (const key of new Set([name, stems ? stem(name) : name])) put(this.#files, key, file);
    }
  }

  /**
   * The one file that is meant by a name or path: its own path ends like that, or that ends like its path below the list, which is how an
   * absolute path of another machine looks. Null where none is meant, or more than one.
   */
  find(written: string): Given | null {
    const wanted = written.replaceAll('\\', '/').toLowerCase().split('/').filter((part) => part !== '' && part !== '.' && part !== '..');
    const meant = (this.#files.get(wanted.at(-1) ?? '') ?? []).filter((file) => {
      const path = [...file.folders.map((folder) => folder.toLowerCase()), wanted.at(-1) ?? ''];
      return endsWith(path, wanted) || endsWith(wanted, path.slice(this.#depth));
    });
    if (meant.length < 2) return meant[0] ?? null;
    // Directly where the list says, rather than deeper.
    const direct = meant.filter((file) => file.folders.length === this.#depth + wanted.length - 1);
    return direct.length === 1 ? (direct[0] ?? null) : null;
  }
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, '');
}

function endsWith(path: readonly string[], end: readonly string[]): boolean {
  return end.length <= path.length && end.every((part, index) => part === path[path.length - end.length + index]);
}
