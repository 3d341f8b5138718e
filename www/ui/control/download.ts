/** A file's name as any disk takes it: letters and digits of any script, and a few signs beside them. */
export function safeName(name: string): string {
  return name.replace(/[^\p{L}\p{N} ._-]/gu, '_');
}

/** Gives a file to the browser to be saved. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken the file by the time this runs.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
