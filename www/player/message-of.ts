/**
 * One sentence for a person, whatever was thrown. The main page has its own: to import it would bring that page's worker and wasm package
 * into this folder.
 */
export function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'Something went wrong that this page has no words for.';
}
