interface Prediction {
  readonly className: string;
  readonly probability: number;
}

/** Probabilities in the order of the classes. Of classes of one name, which a model can have, the first has the greatest. */
export function sharesOf(classes: readonly string[], predictions: readonly Prediction[]): number[] {
  const left = [...predictions];
  return classes.map((name) => {
    const at = left.findIndex(({ className }) => className === name);
    return at < 0 ? 0 : (left.splice(at, 1)[0]?.probability ?? 0);
  });
}

/** The number of the most probable class. */
export function bestOf(shares: readonly number[]): number {
  return shares.indexOf(Math.max(...shares));
}
