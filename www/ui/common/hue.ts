import type { ClassState } from '../../state/types.js';

const HUES = 8;

/** The CSS class that gives a class its colour: the same on its card, its bar and its row of the confusion matrix. */
export function hueOfKey(key: number): string {
  return `hue-${(key - 1) % HUES}`;
}

/** By name where there is a class of that name, else (a model from a file) by its place. */
export function hueOfName(classes: readonly ClassState[], name: string, index: number): string {
  return hueOfKey(classes.find((each) => each.name === name)?.key ?? index + 1);
}
