const HUES = 8;

/** The CSS class that gives a class its colour: the same on its card, its bar and its row of the confusion matrix. */
export function hueOfKey(key: number): string {
  return `hue-${(key - 1) % HUES}`;
}

/** The same for a label of a model; one that is no class of the page's (a model from a file) has its colour by its place. */
export function hueOf(id: number | null, index: number): string {
  return hueOfKey(id ?? index + 1);
}
