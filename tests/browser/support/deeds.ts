/** Somebody at work on the page who does whatever comes to mind, and what the page had shown as saved meanwhile. */
import type { Page } from 'playwright-core';
import type { PickedFile } from './app-page.js';

/** What the page showed when it last said that it is saved. */
export interface Shown {
  /** The number of pictures by class. */
  readonly pictures: { readonly [name: string]: number };
  readonly hasResult: boolean;
  /** Whether the result is that of the model that there is. */
  readonly hasModel: boolean;
}

/** The page, asked as often as it answers, for as long as it is there. */
export class Watch {
  #last: Shown | null = null;

  constructor(page: Page) {
    void this.#ask(page).catch(() => undefined);
  }

  /** What it showed when it last said that everything is saved. */
  get last(): Shown | null {
    return this.#last;
  }

  async #ask(page: Page): Promise<never> {
    for (;;) {
      const { saved, ...shown } = await look(page);
      if (saved) this.#last = shown;
    }
  }
}

/** What the page shows now, and whether it says that all of it is saved. */
export function look(page: Page): Promise<Shown & { readonly saved: boolean }> {
  return page.evaluate(() => {
    const saved = document.querySelector('.keeping')?.textContent?.includes('Saved on this device') ?? false;
    const cards = [...document.querySelectorAll('#pictures li')].filter((card) => card.querySelector('.class-count'));
    const pictures = Object.fromEntries(
      cards.map((card) => [card.getAttribute('aria-label') ?? '', Number.parseInt(card.querySelector('.class-count')?.textContent ?? '0', 10)]),
    );
    const hasResult = document.querySelector('#result-title') !== null;
    return { saved, pictures, hasResult, hasModel: hasResult && !document.body.innerText.includes('This is about an earlier model') };
  });
}

/**
 * What somebody does next, told by a number from 0 to 1; gives its name. What takes time goes on afterwards, so buttons are pressed with the
 * keyboard: the mouse may still be held down to record.
 */
export async function act(page: Page, files: readonly PickedFile[], next: number): Promise<string> {
  const card = (name: string) => page.getByRole('listitem', { name, exact: true });
  const fill = (name: string) => card(name).locator('input[type=file]').setInputFiles([...files]);
  if (next < 0.2) return fill('Class 1').then(() => 'adding');
  if (next < 0.4) return fill('Class 2').then(() => 'adding');
  if (next < 0.5) {
    await page.getByRole('button', { name: 'Add a class' }).press('Enter');
    // An empty one would be in the way of every training.
    await page.locator('.class-card').last().locator('input[type=file]').setInputFiles([...files]);
    return 'a class';
  }
  if (next < 0.75) return film(page, (next - 0.5) * 8000).then(() => 'recording');
  const train = page.getByRole('button', { name: /^Train( again)?$|^Go on$/ }).first();
  // Where it cannot start for long there are pictures to be read, which is a moment like any other.
  const pressed = await train.and(page.locator(':enabled')).press('Enter', { timeout: 8000 }).then(() => true, () => false);
  return pressed ? 'training' : fill('Class 2').then(() => 'adding');
}

/** Records with the camera for so long. */
async function film(page: Page, milliseconds: number): Promise<void> {
  const hold = page.getByRole('button', { name: 'Hold to record' });
  const recording = page.getByRole('button', { name: 'Recording…' });
  if (await recording.isVisible()) return;
  if (!(await hold.isVisible())) await page.getByRole('button', { name: 'Webcam for Class 1' }).press('Enter');
  // Until it can be pressed.
  await hold.click({ trial: true });
  await hold.hover();
  await page.mouse.down();
  void page.waitForTimeout(milliseconds).then(() => page.mouse.up()).catch(() => undefined);
}
