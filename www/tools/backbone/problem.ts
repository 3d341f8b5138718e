/** What went wrong and what to do about it, in a sentence or two: the command prints it without a stack. */
export class Problem extends Error {
  override name = 'Problem';
}

/** A fault that may be gone at the next try, such as a cut connection. */
export class Passing extends Error {
  override name = 'Passing';

  constructor(
    message: string,
    /** Whether something came before it happened: then it is worth going on, however often. */
    readonly advanced = false,
  ) {
    super(message);
  }
}

/** A host that is not there: another try a second later meets the same. */
export class Unreachable extends Passing {
  override name = 'Unreachable';
}

/** A system call's error code, such as `ENOSPC`, also where `fetch` hides it in the cause. */
export function errorCode(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? undefined : errorCode(cause);
}
