/** From whatever was given to what would be imported, as a value: nothing in the project changes. */
import { sortFound, type FoundFile } from '../media/index.js';
import { findEquals } from './equals.js';
import { gather, pathOf } from './gather.js';
import { groupBy, put } from './groups.js';
import { inspect, type Decodes } from './inspect.js';
import { isList } from './labels.js';
import { MAX_CLASSES, MAX_NAME_LETTERS } from './limits.js';
import { applyLists } from './lists.js';
import { ImportRefusal } from './refusal.js';
import type { Equal, Given, ImportPlan, OnProgress, PlannedClass, PlannedItem, PresentPicture } from './types.js';

/** What the plan needs to know of the page. */
export interface PlanTools {
  readonly decodes: Decodes;
  /** The class of pictures that lie in no folder. */
  readonly looseClass: string;
  readonly present: readonly PresentPicture[];
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Pictures by the names of their classes. */
type Classes = Map<string, Given[]>;

/**
 * The plan for everything that was given. A zip that is refused as a whole stands among what is left out.
 *
 * @throws {@link ImportRefusal} where it is cancelled, or there would be too many classes.
 */
export async function planImport(found: readonly FoundFile[], tools: PlanTools): Promise<ImportPlan> {
  const { signal, onProgress, looseClass } = tools;
  const given = await gather(found, signal);
  const lists = given.files.filter(isList);
  const looked = await inspect(given.files.filter((file) => !isList(file)), tools.decodes, signal, onProgress);
  const listed = await applyLists(lists, looked.pictures);
  const { classes, tests, tested } = sortFound(listed.files);
  const toLearn: Classes = new Map();
  const leftOut = [...given.leftOut, ...looked.leftOut, ...listed.leftOut];
  for (const [folder, files] of classes) {
    for (const file of files) {
      const list = file.label === undefined ? listed.unlabelled.get(file) : undefined;
      if (list !== undefined) leftOut.push({ name: pathOf(file), reason: `has no label in “${list}”` });
      // A list says it better than a folder.
      else put(toLearn, nameOf(file.label ?? folder, looseClass), file);
    }
  }
  const classesTested = new Map([...tested].flatMap(([name, files]) => files.map((file) => [file, file.label ?? name])));
  for (const [file, name] of classesTested) {
    if (name === null) leftOut.push({ name: pathOf(file), reason: 'is for testing, and no folder says what it is a picture of' });
  }
  const all = new Set([...toLearn.keys(), ...[...classesTested.values()].flatMap((name) => (name === null ? [] : nameOf(name, looseClass)))]);
  if (all.size > MAX_CLASSES) {
    const [many, limit] = [all.size, MAX_CLASSES].map((number) => number.toLocaleString('en'));
    throw new ImportRefusal('too_many_classes', `would make ${many} classes, and at most ${limit} are made at once`);
  }
  const equals = await findEquals([...toLearn.values()].flat(), tools.present, signal, onProgress);
  return {
    classes: planned(toLearn, equals),
    tests: [...tests].flatMap(([folder, files]) => {
      const known = groupBy(files.filter((file) => classesTested.get(file) !== null), (file) => nameOf(classesTested.get(file) ?? null, looseClass));
      return known.size === 0 ? [] : [{ folder, classes: planned(known, new Map()) }];
    }),
    leftOut,
    remarks: listed.remarks,
  };
}

function planned(classes: Classes, equals: ReadonlyMap<Given, Equal>): PlannedClass[] {
  const itemOf = (file: Given): PlannedItem => {
    const { name, size, group } = file;
    const equal = equals.get(file) ?? null;
    return { name, path: pathOf(file), size, equal, read: () => file.read(), ...(group !== undefined && { group }) };
  };
  return [...classes].map(([name, files]) => ({ name, items: files.map(itemOf) }));
}

/** A name that a class can have; one of nothing but blanks names none. */
function nameOf(wanted: string | null, looseClass: string): string {
  const name = (wanted ?? '').normalize('NFC').replace(/[\0-\x1f\x7f]+/g, ' ').trim();
  return name === '' ? looseClass : name.slice(0, MAX_NAME_LETTERS).trim();
}
