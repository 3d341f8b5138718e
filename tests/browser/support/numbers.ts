import { expect } from 'vitest';

/** Largest difference as a share of the largest expected value. */
export function ratio(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...found.map((x, i) => Math.abs(x - expected[i]!))) / largest;
}

/** A difference as it is printed. */
export const digits = (x: number): string => x.toExponential(1);
