import type { ErrorCode, Failure, Fatal } from '../protocol.js';

/** An error of the same form as those of the wasm package: a message with `code` and `value`. */
export function refusal(code: ErrorCode, message: string, value?: string): Error {
  return Object.assign(new Error(message), { code, value });
}

/** An error as data for the page. */
export function toFailure(error: unknown): Failure {
  const { message, code, value } = error instanceof Error ? (error as Error & { code?: unknown; value?: unknown }) : { message: String(error) };
  // A DOMException has a `code` too, a number.
  if (typeof code === 'string') return { code: code as ErrorCode, message, value: value == null ? undefined : String(value) };
  return { code: 'internal', message: `Something went wrong inside Headstart: ${message}` };
}

/** Says to the page that nothing will be answered any more. */
export function fatal(error: unknown): Fatal {
  const detail = error instanceof Error ? error.message : String(error);
  return { kind: 'fatal', failure: { code: 'worker_failed', message: `Headstart's worker stopped unexpectedly (${detail}). Start again to go on.` } };
}

/** Whether the wasm code has stopped in the middle of something, so that its memory can no longer be trusted. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
