import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { TOLERANCE } from './backbones.js';
import type { Work } from './page/features.js';

/** Lets every library do a work once and compares what comes out with what the first of them says. */
export async function expectSameFeatures(page: Page, libraries: readonly string[], work: Work): Promise<void> {
  const all: number[][] = [];
  for (const library of libraries) all.push(await page.evaluate(([each, what]) => bench.features.features(each, what), [library, work] as const));
  const [first, ...others] = all;
  const largest = Math.max(...first!.map(Math.abs));
  for (const [i, features] of others.entries()) {
    const difference = Math.max(...first!.map((value, j) => Math.abs(value - features[j]!))) / largest;
    expect(features.length, `${libraries[i + 1]}, ${work}`).toBe(first!.length);
    expect(difference, `${libraries[i + 1]}, ${work}: share of the largest feature`).toBeLessThan(TOLERANCE);
  }
}
