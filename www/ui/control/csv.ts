/** A table as RFC 4180 has it. */
export function tableFile(rows: readonly (readonly string[])[]): Blob {
  const text = rows.map((cells) => cells.map(quoted).join(',') + '\r\n').join('');
  // Without the mark in front, Excel takes the letters of most languages for others.
  return new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' });
}

/** A probability as it stands in a table. */
export function figure(share = 0): string {
  return share.toFixed(6);
}

function quoted(cell: string): string {
  // A spreadsheet would compute what begins so, and names are other people's.
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
