import { figure, tableFile } from '../ui/control/csv.js';
import { bestOf } from './shares.js';

/** A picture and what the model made of it; null where it could not be read. */
export interface Row {
  readonly name: string;
  readonly shares: readonly number[] | null;
}

/** A table of predictions: a row a picture, a column a class. */
export function toCsv(classes: readonly string[], rows: readonly Row[]): Blob {
  const lines = rows.map(({ name, shares }) => {
    if (shares === null) return [name, '', '', ...classes.map(() => '')];
    const best = bestOf(shares);
    return [name, classes[best] ?? '', figure(shares[best]), ...shares.map(figure)];
  });
  return tableFile([['file', 'predicted class', 'probability', ...classes], ...lines]);
}
