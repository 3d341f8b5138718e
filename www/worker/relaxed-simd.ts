/** A module with one function, which gives `f32x4.relaxed_madd` of zeros. */
const PROBE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  // Types: () → v128. Functions: one of it.
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00],
  // Code: three times i32.const 0 and i32x4.splat, then the operation.
  ...[0x0a, 0x13, 0x01, 0x11, 0x00],
  ...[0x41, 0x00, 0xfd, 0x11, 0x41, 0x00, 0xfd, 0x11, 0x41, 0x00, 0xfd, 0x11, 0xfd, 0x85, 0x02, 0x0b],
);

/**
 * What a package is initialised with: its module that uses relaxed SIMD, where this browser has that, as Chrome has since version 114, and
 * otherwise nothing, for its own. It is multiplication and addition in one operation, where the processor has that. A module that uses it is
 * refused by the others.
 */
export function whereRelaxed(module: URL): { module_or_path: URL } | undefined {
  return WebAssembly.validate(PROBE) ? { module_or_path: module } : undefined;
}
