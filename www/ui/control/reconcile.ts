import type { Trainer } from '../../headstart.js';
import type { ClassState, Key } from '../../state/types.js';
import type { Merge } from '../../storage/database.js';

/**
 * Tells a trainer what was done after the project that it goes on with was saved: its classes become those that the page had, and its
 * pictures are put where the page had them. Those that it has never seen are not sent. A class that was merged goes that way: a model answers
 * without one that was removed.
 *
 * All that what is told next depends on is asked for before this waits for anything.
 */
export async function reconcile(trainer: Trainer, wanted: readonly ClassState[], merges: readonly Merge[] = []): Promise<void> {
  const there = trainer.classes;
  const missing = wanted.filter(({ key }) => !there.some(({ id }) => id === key));
  const places = new Map(wanted.flatMap(({ key, pictures }) => pictures.map((picture) => [picture.key, { key, isTest: picture.test === true }])));
  await Promise.all([...classDeeds(trainer, wanted, missing, merges), ...pictureDeeds(trainer, places)]);
  // What lay in classes that were deleted then and are there again was not listed.
  const back = trainer.classes.filter(({ id }) => missing.some(({ key }) => key === id));
  await Promise.all(letGo(trainer, back.flatMap(({ images, test }) => [...images, ...test]).filter((image) => !places.has(image))));
}

function classDeeds(trainer: Trainer, wanted: readonly ClassState[], missing: readonly ClassState[], merges: readonly Merge[]): Promise<unknown>[] {
  const names = new Map(trainer.classes.map(({ id, name }) => [id, name]));
  const keys = new Set(wanted.map(({ key }) => key));
  const deeds: Promise<unknown>[] = [];
  const late: Merge[] = [];
  for (const [id, name] of names) {
    if (keys.has(id)) continue;
    const into = whereTo(id, merges);
    if (keys.has(into) && names.has(into)) deeds.push(trainer.mergeClasses(id, into));
    // Unless its name is another's by now, which has to come first.
    else if (keys.has(into) && missing.every((each) => each.name !== name)) late.push([id, into]);
    // What was merged into a class that was removed went with it.
    else deeds.push(trainer.removeClass(id));
  }
  const renamed = wanted.filter(({ key, name }) => names.has(key) && names.get(key) !== name);
  // Two may have swapped their names, and no two classes have the same at any time.
  if (renamed.length > 1) for (const { key } of renamed) deeds.push(trainer.renameClass(key, `… ${key}`));
  for (const { key, name } of renamed) deeds.push(trainer.renameClass(key, name));
  for (const { key, name } of missing) {
    // It may have been deleted when the project was saved, under another name, or never have been there.
    const back = Promise.all([trainer.renameClass(key, name), trainer.restoreClass(key)]);
    deeds.push(Promise.any([back, trainer.addClass(name, { id: key })]));
  }
  return [...deeds, ...late.map(([id, into]) => trainer.mergeClasses(id, into))];
}

/** The class that has a class's pictures after merges, in their order. */
function whereTo(id: Key, merges: readonly Merge[]): Key {
  return merges.reduce((place, [from, into]) => (place === from ? into : place), id);
}

function pictureDeeds(trainer: Trainer, places: ReadonlyMap<Key, { readonly key: Key; readonly isTest: boolean }>): Promise<unknown>[] {
  const deeds: Promise<unknown>[] = [];
  const listed = new Set<Key>();
  const gone: Key[] = [];
  for (const { id, images, test } of trainer.classes) {
    const toTest = new Set(test);
    for (const image of [...images, ...test]) {
      listed.add(image);
      const place = places.get(image);
      if (place === undefined) gone.push(image);
      else if (place.key !== id) deeds.push(trainer.moveImage(image, place.key));
      if (place !== undefined && place.isTest !== toTest.has(image)) deeds.push(trainer.setPart(image, place.isTest ? 'test' : 'learn'));
    }
  }
  for (const [image, { key, isTest }] of places) {
    if (listed.has(image)) continue;
    // It lies in a class that was deleted then, or the trainer has never seen it and refuses.
    deeds.push(trainer.moveImage(image, key).catch(() => undefined), trainer.setPart(image, isTest ? 'test' : 'learn').catch(() => undefined));
  }
  return [...deeds, ...letGo(trainer, gone)];
}

function letGo(trainer: Trainer, gone: Key[]): Promise<unknown>[] {
  return gone.length === 0 ? [] : [...gone.map((image) => trainer.removeImage(image)), trainer.forgetImages(gone)];
}
