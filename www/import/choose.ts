/** What of a plan is imported, by what somebody has chosen. */
import type { ImportPlan, PlannedClass } from './types.js';

export interface Choice {
  /** Names of the classes that are not wanted. */
  readonly without: ReadonlySet<string>;
  /** Also pictures that are there more than once. */
  readonly withEquals: boolean;
}

export interface Chosen {
  /** All classes of the plan, with what would go into them if they are wanted. */
  readonly classes: readonly PlannedClass[];
  /** So many pictures of the wanted classes are there more than once: in the project already, or before in this import. */
  readonly equals: number;
  /** So many of those are in the project already. */
  readonly present: number;
}

/** Of equal pictures the first one of a wanted class comes in, and none where the project has it. */
export function choose(plan: ImportPlan, { without, withEquals }: Choice): Chosen {
  const seen = new Set<string>();
  let equals = 0;
  let present = 0;
  const classes = plan.classes.map(({ name, items }) => {
    if (without.has(name)) return { name, items };
    const left = items.filter(({ equal }) => {
      if (equal === null) return true;
      const isSecond = equal.present || seen.has(equal.hash);
      seen.add(equal.hash);
      if (isSecond) equals += 1;
      if (equal.present) present += 1;
      return !isSecond || withEquals;
    });
    return { name, items: left };
  });
  return { classes, equals, present };
}
