import type { BackboneReport, ClassSummary, EngineReport, ModelClass } from '../generated/types.js';
import type { Change, ImageChange } from '../protocol.js';

/** The page's copy of what the worker holds. */
export interface Mirror {
  readonly classes: readonly ClassSummary[];
  /** Null before there is a model. */
  readonly modelClasses: readonly ModelClass[] | null;
  /** Null before the first answer. */
  readonly engine: EngineReport | null;
  /** Null before the first answer. */
  readonly backbone: BackboneReport | null;
}

/** What is known before the worker has answered anything. */
export const BLANK: Mirror = { classes: [], modelClasses: null, engine: null, backbone: null };

/** The copy after a change. The one before stays as it was: somebody may still be reading it. */
export function mirror(before: Mirror, change: Change): Mirror {
  const classes = change.classes ?? before.classes;
  return {
    classes: change.image ? withImage(classes, change.image) : classes,
    modelClasses: change.model === undefined ? before.modelClasses : change.model,
    engine: change.engine ?? before.engine,
    backbone: change.backbone ?? before.backbone,
  };
}

/** Classes with a picture in the list that it belongs to and in no other. */
function withImage(classes: readonly ClassSummary[], { id, classId, part }: ImageChange): readonly ClassSummary[] {
  return classes.map((each) => {
    const images = withId(each.images, id, each.id === classId && part === 'learn');
    const test = withId(each.test, id, each.id === classId && part === 'test');
    return images === each.images && test === each.test ? each : { ...each, images, test };
  });
}

/** An ascending list with an id in it or without; the list itself where it is as it should be. */
function withId(ascending: number[], id: number, belongs: boolean): number[] {
  const at = placeOf(id, ascending);
  if ((ascending[at] === id) === belongs) return ascending;
  return belongs ? ascending.toSpliced(at, 0, id) : ascending.toSpliced(at, 1);
}

/** Where an id is in an ascending list, or would be; found in few looks, as there are thousands of pictures. */
function placeOf(id: number, ascending: readonly number[]): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
