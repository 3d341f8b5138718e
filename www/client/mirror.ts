import type { ClassSummary, EngineReport, ModelClass } from '../generated/types.js';
import type { Change, ImageChange } from '../protocol.js';

/** The page's copy of what the worker holds. */
export interface Mirror {
  readonly classes: readonly ClassSummary[];
  /** Null before there is a model. */
  readonly modelClasses: readonly ModelClass[] | null;
  /** Null before the first answer. */
  readonly engine: EngineReport | null;
}

/** What is known before the worker has answered anything. */
export const BLANK: Mirror = { classes: [], modelClasses: null, engine: null };

/** The copy after a change. The one before stays as it was: somebody may still be reading it. */
export function mirror(before: Mirror, change: Change): Mirror {
  const classes = change.classes ?? before.classes;
  return {
    classes: change.image ? withImage(classes, change.image) : classes,
    modelClasses: change.model === undefined ? before.modelClasses : change.model,
    engine: change.engine ?? before.engine,
  };
}

/** Classes with a picture in the one that it belongs to and in no other. */
function withImage(classes: readonly ClassSummary[], { id, classId }: ImageChange): readonly ClassSummary[] {
  return classes.map((each) => {
    const at = placeOf(id, each.images);
    const holds = each.images[at] === id;
    const belongs = each.id === classId;
    if (holds === belongs) return each;
    return { ...each, images: belongs ? each.images.toSpliced(at, 0, id) : each.images.toSpliced(at, 1) };
  });
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
