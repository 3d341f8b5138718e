/** Puts the lists of labels that were given on the pictures that were given. */
import { pathOf } from './gather.js';
import { readList, type LabelList } from './labels.js';
import { isBelow, matchList } from './match.js';
import { reasonOf } from './refusal.js';
import type { Given, LeftOut } from './types.js';
import { listNames } from './words.js';

/** What lists of labels make of the pictures beside them. */
export interface Listed {
  /** All pictures, with labels where there are any. */
  readonly files: readonly Given[];
  /** Pictures beside a list that says nothing of them, with its name. */
  readonly unlabelled: ReadonlyMap<Given, string>;
  /** Lists that are none. */
  readonly leftOut: readonly LeftOut[];
  /** Sentences. */
  readonly remarks: readonly string[];
}

export async function applyLists(lists: readonly Given[], pictures: readonly Given[]): Promise<Listed> {
  let files = pictures;
  const unlabelled = new Map<Given, string>();
  const leftOut: LeftOut[] = [];
  const remarks: string[] = [];
  for (const file of lists) {
    const list = await readList(file).catch(reasonOf);
    const result = list === null ? 'is no list of labels' : typeof list === 'string' ? list : applyList(file, list, files);
    if (typeof result === 'string') {
      leftOut.push({ name: pathOf(file), reason: result });
      continue;
    }
    files = result.files;
    for (const each of result.unlabelled) unlabelled.set(each, file.name);
    remarks.push(...result.remarks);
  }
  return { files, unlabelled, leftOut, remarks };
}

function applyList(file: Given, list: LabelList, files: readonly Given[]) {
  const { labels, missing, twice } = matchList(list, file.folders, files);
  if (labels.size === 0) return 'names none of the pictures that came with it';
  const after = files.map((each) => {
    const row = labels.get(each);
    if (row === undefined || row.label === '') return each;
    return { ...each, label: row.label, ...(row.group !== undefined && { group: row.group }) };
  });
  const remarks: string[] = [];
  if (missing.length > 0) remarks.push(`${listNames(missing)} in “${file.name}”, but not among the pictures.`);
  if (twice.length > 0) remarks.push(`${listNames(twice)} in “${file.name}” twice, with different labels: the first counts.`);
  return { files: after, unlabelled: after.filter((each) => each.label === undefined && isBelow(each, file.folders)), remarks };
}
