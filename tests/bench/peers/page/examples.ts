/** Features with their labels, split as Headstart splits its pictures: so many to learn from, the others to validate with. */
export interface Examples {
  classes: number;
  /** Length of a row. */
  features: number;
  train: Rows;
  validation: Rows;
}

export interface Rows {
  /** One after the other. */
  values: Float32Array;
  labels: Int32Array;
}

/** How a head trains. */
export interface Plan {
  epochs: number;
  batchSize: number;
}

/** Trains a softmax layer with Adam from scratch, validates after every epoch, and gives the last accuracy on the validation rows. */
export type TrainHead = (plan: Plan) => Promise<number>;

/** The numbers from 0 on in a random order. */
export function shuffled(count: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
