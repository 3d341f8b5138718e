import { bestOf } from './shares.js';

/** A picture and what the model made of it; null where it could not be read. */
export interface Row {
  readonly name: string;
  readonly shares: readonly number[] | null;
}

/** A table of predictions, as RFC 4180 has it: a row a picture, a column a class. */
export function toCsv(classes: readonly string[], rows: readonly Row[]): Blob {
  const head = ['file', 'predicted class', 'probability', ...classes];
  const lines = rows.map(({ name, shares }) => {
    if (shares === null) return [name, '', '', ...classes.map(() => '')];
    const best = bestOf(shares);
    return [name, classes[best] ?? '', figure(shares[best]), ...shares.map(figure)];
  });
  const text = [head, ...lines].map((cells) => cells.map(quoted).join(',') + '\r\n').join('');
  // Without the mark in front, Excel takes the letters of most languages for others.
  return new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' });
}

function figure(share = 0): string {
  return share.toFixed(6);
}

function quoted(cell: string): string {
  // A spreadsheet would compute what begins so, and names are other people's.
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
