/** A file's name after the project that it is of: letters and digits of any script, and what any disk takes beside them. */
export function fileName(project: string, extension: string): string {
  return `${project.replace(/[^\p{L}\p{N} ._-]/gu, '_')}.${extension}`;
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
