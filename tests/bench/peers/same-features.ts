import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { TOLERANCE } from './backbones.js';
import type { Work } from './page/features.js';
import { OURS_INT8 } from './rounds.js';

/** How near features in eight bits have to be to those in floats. */
const LEAST_COSINE = 0.99;

/** Lets every library do a work once and compares what comes out with what the first of them says. */
export async function expectSameFeatures(page: Page, libraries: readonly string[], work: Work): Promise<void> {
  const all: number[][] = [];
  for (const library of libraries) all.push(await page.evaluate(([each, what]) => bench.features.features(each, what), [library, work] as const));
  const [first, ...others] = all;
  const largest = Math.max(...first!.map(Math.abs));
  for (const [i, features] of others.entries()) {
    const difference = Math.max(...first!.map((value, j) => Math.abs(value - features[j]!))) / largest;
    expect(features.length, `${libraries[i + 1]}, ${work}`).toBe(first!.length);
    if (libraries[i + 1] === OURS_INT8) {
      // Another arithmetic: what it costs is measured by accuracies (`./build.sh bench accuracy`).
      expect(cosine(first!, features), `${OURS_INT8}, ${work}: cosine`).toBeGreaterThan(LEAST_COSINE);
      continue;
    }
    expect(difference, `${libraries[i + 1]}, ${work}: share of the largest feature`).toBeLessThan(TOLERANCE);
  }
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
