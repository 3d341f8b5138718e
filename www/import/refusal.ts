/** Why a foreign file, or one file of a zip, is not read; stable from version to version. */
export type RefusalCode =
  | 'zip_invalid'
  | 'zip_truncated'
  | 'zip_split'
  | 'zip_encrypted'
  | 'zip_method'
  | 'zip_too_many_files'
  | 'zip_too_large'
  | 'zip_entry_too_large'
  | 'zip_unsafe_name'
  | 'zip_name_too_long'
  | 'zip_duplicate_name'
  | 'zip_checksum'
  | 'zip_size'
  | 'zip_is_model'
  | 'list_invalid'
  | 'list_too_large'
  | 'project_kind'
  | 'project_file_kind'
  | 'project_file_version'
  | 'project_file_invalid'
  | 'too_many_classes'
  | 'cancelled';

/** A refusal as an error: `reason` is words that follow the file's name, for people. */
export class ImportRefusal extends Error {
  override readonly name = 'ImportRefusal';
  readonly code: RefusalCode;
  readonly reason: string;

  constructor(code: RefusalCode, reason: string) {
    super(`It ${reason}.`);
    this.code = code;
    this.reason = reason;
  }
}

/** What to say of a file that could not be read, whatever was thrown. */
export function reasonOf(error: unknown): string {
  if (error instanceof ImportRefusal) return error.reason;
  // A file that was moved or changed since it was chosen.
  if (error instanceof DOMException && error.name === 'NotFoundError') return 'is not there any more';
  if (error instanceof DOMException && error.name === 'NotReadableError') return 'has changed or may not be read';
  return 'could not be read';
}

/** Throws where the import was cancelled. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new ImportRefusal('cancelled', 'was cancelled');
}

export function isCancelled(error: unknown): boolean {
  return error instanceof ImportRefusal && error.code === 'cancelled';
}
