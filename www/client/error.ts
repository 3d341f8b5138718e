import type { ErrorCode, Failure } from '../protocol.js';

/**
 * Everything that a {@link Trainer}, a {@link Classifier} or the camera can answer with instead of a result.
 *
 * `code` is stable and meant for programs, `message` is one sentence meant for people.
 */
export class HeadstartError extends Error {
  override readonly name = 'HeadstartError';
  /** The cause, stable from version to version. */
  readonly code: ErrorCode;
  /** The value that was refused, where there is one: a file's name, a class, a setting. */
  readonly value: string | undefined;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.code = failure.code;
    this.value = failure.value;
  }
}
