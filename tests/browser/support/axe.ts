import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AxeResults, RunOptions } from 'axe-core';
import { expect } from 'vitest';
import type { AppPage } from './app-page.js';

const AXE = readFileSync(join(import.meta.dirname, '../../../www/node_modules/axe-core/axe.min.js'), 'utf8');
const OPTIONS: RunOptions = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] };

/** What breaks WCAG A or AA, in a line each. */
export async function violations(app: Pick<AppPage, 'page'>): Promise<string[]> {
  // Colours are judged once nothing fades any more.
  await app.page.waitForTimeout(300);
  await app.page.evaluate(AXE);
  const results = await app.page.evaluate(
    (options) => (globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run(options),
    OPTIONS,
  );
  expect(results.passes.length).toBeGreaterThan(10);
  return results.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`));
}
