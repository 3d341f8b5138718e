import type { Page } from 'playwright-core';

/** Has a page's worker throw outside of any call, as a fault of its own code would. Its helpers are left alone. */
export async function crashWorker(page: Page): Promise<void> {
  for (const worker of page.workers()) {
    const crash = (): boolean => {
      if (self.name !== 'headstart') return false;
      setTimeout(() => {
        throw new Error('a crash of the test');
      });
      return true;
    };
    // One that goes at this moment is not the one.
    if (await worker.evaluate(crash).catch(() => false)) return;
  }
}
