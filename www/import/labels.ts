/** Lists that say which picture is of which class: CSV, TSV and JSON. */
import { MAX_LIST_BYTES } from './limits.js';
import { ImportRefusal } from './refusal.js';
import type { Given } from './types.js';

/** What a list says of one file. */
export interface LabelRow {
  /** The file's name or path, as it stands there. */
  readonly file: string;
  /** Empty where none is given. */
  readonly label: string;
  readonly group?: string;
}

export interface LabelList {
  readonly rows: readonly LabelRow[];
  /** Whether its first row said what is in which column. Where not, the first row may still have been names that nobody knows. */
  readonly hasHeader: boolean;
}

/** What columns are called, the most telling first. */
const COLUMNS = {
  file: [
    ...['filename', 'file_name', 'file', 'filepath', 'file_path', 'path'],
    ...['image_path', 'image_name', 'image_file', 'image', 'image_id', 'img', 'picture', 'photo', 'id'],
  ],
  label: ['label', 'labels', 'class', 'class_name', 'classname', 'category', 'target', 'species', 'label_name'],
  group: ['group', 'group_id', 'groups', 'subject', 'subject_id', 'patient', 'patient_id', 'person', 'person_id', 'session'],
} as const;

type Column = keyof typeof COLUMNS;

export function isList({ name }: { readonly name: string }): boolean {
  return /\.(csv|tsv|json)$/i.test(name);
}

/**
 * The list in a file, or null where it holds something else.
 *
 * @throws {@link ImportRefusal} for one that is too long.
 */
export async function readList(file: Given): Promise<LabelList | null> {
  if (file.size > MAX_LIST_BYTES) throw new ImportRefusal('list_too_large', `is longer than ${MAX_LIST_BYTES / 1e6} MB`);
  // Decoding as UTF-8 drops the byte order mark.
  const text = new TextDecoder().decode(await (await file.read()).arrayBuffer());
  return /\.json$/i.test(file.name) ? listOfJson(text) : listOfTable(text);
}

/** Rows with a comma, semicolon or tab between the columns. */
export async function listOfTable(text: string): Promise<LabelList | null> {
  const { default: Papa } = await import('papaparse');
  const { data } = Papa.parse<string[]>(text, { delimitersToGuess: [',', ';', '\t'], skipEmptyLines: 'greedy' });
  const [first, ...others] = data;
  if (first === undefined) return null;
  const columns = { file: columnOf(first, 'file'), label: columnOf(first, 'label'), group: columnOf(first, 'group') };
  const hasHeader = columns.file !== -1 && columns.label !== -1;
  if (!hasHeader && first.length < 2) return null;
  const { file, label, group } = hasHeader ? columns : { file: 0, label: 1, group: 2 };
  const rows = (hasHeader ? others : data).map((cells) => rowOf(cells[file], cells[label], cells[group]));
  return { rows: rows.filter((row) => row !== null), hasHeader };
}

/** `{ "file": "label" }` or `[{ "file": …, "label": …, "group": … }]`. */
export function listOfJson(text: string): LabelList | null {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof said !== 'object' || said === null) return null;
  const rows = Array.isArray(said) ? said.map(rowOfObject) : Object.entries(said).map(([file, label]) => rowOf(file, label));
  const usable = rows.filter((row) => row !== null);
  return usable.length === 0 ? null : { rows: usable, hasHeader: true };
}

function rowOfObject(said: unknown): LabelRow | null {
  if (typeof said !== 'object' || said === null) return null;
  const names = Object.keys(said);
  const cells = Object.values(said) as unknown[];
  const cell = (column: Column): unknown => cells[columnOf(names, column)];
  return rowOf(cell('file'), cell('label'), cell('group'));
}

function rowOf(file: unknown, label: unknown, group?: unknown): LabelRow | null {
  const [name, of, within] = [textOf(file), textOf(label), textOf(group)];
  if (name === null || name === '' || of === null) return null;
  return { file: name, label: of, ...(within !== null && within !== '' && { group: within }) };
}

/** Text, or a number as one reads it; null for anything else. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value.trim();
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : null;
}

/** Where a column is, or -1. */
function columnOf(names: readonly string[], column: Column): number {
  const plain = names.map((name) => name.trim().toLowerCase().replace(/[\s-]+/g, '_'));
  for (const name of COLUMNS[column]) {
    const at = plain.indexOf(name);
    if (at !== -1) return at;
  }
  return -1;
}
