import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { launch, observe, type LaunchOptions, type Record } from './browser.js';
import { installDrawing, type DrawingKind } from './drawing.js';
import { serveSite, type Site } from './server.js';

/** A file as a file picker takes it. */
export interface PickedFile {
  name: string;
  mimeType: string;
  buffer: Buffer;
}

/** Advanced settings for a run that no test lives to see the end of. */
export const LONG_RUN = { epochs: '1000', batchSize: '1', head: 'mlp' };

/** The built page in a browser of its own, with hands. */
export class AppPage {
  private constructor(
    readonly browser: Browser,
    readonly context: BrowserContext,
    readonly page: Page,
    readonly site: Site,
    readonly record: Record,
    /** A folder of this test's own, gone afterwards. */
    readonly folder: string,
  ) {}

  /** Opens the page; the engine is forced to the CPU so that runs can be compared, unless asked otherwise. */
  static async open(options: LaunchOptions & { context?: BrowserContextOptions; engine?: string; site?: Site } = {}): Promise<AppPage> {
    const site = options.site ?? (await serveSite());
    const browser = await launch(options);
    const context = await browser.newContext(options.context);
    const page = await context.newPage();
    const record = observe(context, page);
    await page.addInitScript(installDrawing);
    await page.addInitScript((engine) => {
      // What a visitor who had chosen it before would find.
      if (localStorage.length === 0) localStorage.setItem('headstart-settings', JSON.stringify({ engine }));
    }, options.engine ?? 'cpu');
    await page.goto(site.url);
    return new AppPage(browser, context, page, site, record, mkdtempSync(join(tmpdir(), 'headstart-page-')));
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.site.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The card of a class. */
  card(name: string): Locator {
    return this.page.getByRole('listitem', { name, exact: true });
  }

  /** The pictures of a class that are in view. */
  tiles(name: string): Locator {
    return this.card(name).getByRole('option');
  }

  get trainButton(): Locator {
    return this.page.getByRole('button', { name: /^Train( again)?$/ });
  }

  /** What the train button says about itself. */
  get reason(): Locator {
    return this.page.locator('#train-reason');
  }

  get undoButton(): Locator {
    return this.page.getByRole('button', { name: 'Undo' });
  }

  /** Pictures drawn in the page. */
  async draw(kind: DrawingKind, count: number, firstSeed = 0): Promise<PickedFile[]> {
    const drawn = await this.page.evaluate(
      async ([kind, count, firstSeed]) => {
        const blobs = Array.from({ length: count }, (_, index) => drawing.draw(kind, firstSeed + index));
        return Promise.all(blobs.map(async (blob) => [...new Uint8Array(await (await blob).arrayBuffer())]));
      },
      [kind, count, firstSeed] as const,
    );
    return drawn.map((bytes, index) => ({
      name: `${kind} ${firstSeed + index}.png`,
      mimeType: 'image/png',
      buffer: Buffer.from(bytes),
    }));
  }

  /** Writes files into folders of the test's own folder and gives the folder's path. */
  write(name: string, folders: { [folder: string]: PickedFile[] }): string {
    const root = join(this.folder, name);
    for (const [folder, files] of Object.entries(folders)) {
      mkdirSync(join(root, folder), { recursive: true });
      for (const file of files) writeFileSync(join(root, folder, file.name), file.buffer);
    }
    return root;
  }

  /** Picks files for a class, as with its button, and waits until they are in. */
  async pick(name: string, files: PickedFile[], total = files.length): Promise<void> {
    await this.card(name).locator('input[type=file]').setInputFiles(files);
    await this.counts(name, total);
  }

  /** Waits until a class has so many pictures and no others are on their way. */
  async counts(name: string, total: number): Promise<void> {
    const text = total === 1 ? '1 picture' : `${total.toLocaleString('en')} pictures`;
    // A hundred pictures take half a minute on a slow machine.
    await this.card(name).getByText(text, { exact: true }).waitFor({ timeout: 90_000 });
    await this.card(name).getByRole('progressbar').waitFor({ state: 'detached' });
  }

  /** Drops files or folders from disk onto the middle of an element, as a file manager would. */
  async drop(target: Locator, paths: string[]): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    if (!box) throw new Error('there is nothing to drop on');
    const devtools = await this.context.newCDPSession(this.page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await devtools.send('Input.dispatchDragEvent', { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data });
    }
    await devtools.detach();
  }

  /** What asks before an import. */
  get importDialog(): Locator {
    return this.page.getByRole('dialog', { name: /^Import/ });
  }

  /** Says yes to what would come in. */
  async confirmImport(): Promise<void> {
    await this.importDialog.getByRole('button', { name: /^Import \d/ }).click();
    await this.importDialog.waitFor({ state: 'detached' });
  }

  /** Drags one element onto another with the mouse; both must be in view. */
  async drag(from: Locator, to: Locator): Promise<void> {
    const [start, end] = [await from.boundingBox(), await to.boundingBox()];
    if (!start || !end) throw new Error('there is nothing to drag');
    await this.page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(end.x + end.width / 2, end.y + end.height / 2, { steps: 8 });
    await this.page.mouse.up();
  }

  /** Two classes, “Class 1” of circles and “Class 2” of stripes. */
  async fillTwoClasses(each = 10): Promise<void> {
    await this.pick('Class 1', await this.draw('circles', each));
    await this.pick('Class 2', await this.draw('stripes', each));
  }

  /** Waits until everything is on the device. */
  async saved(): Promise<void> {
    await this.page.locator('.keeping', { hasText: 'Saved on this device' }).waitFor();
  }

  /** Trains to the end. */
  async train(): Promise<void> {
    await this.trainButton.click();
    await this.page.getByRole('heading', { name: 'Result' }).waitFor();
  }

  /** Chooses a picture to try and gives the verdict. */
  async predict(file: PickedFile | string): Promise<string> {
    await this.page.locator('#try .card input[accept^=image]').setInputFiles(file);
    const name = typeof file === 'string' ? (file.split('/').at(-1) ?? '') : file.name;
    await this.page.getByRole('img', { name, exact: true }).waitFor();
    await this.page.locator('.verdict', { hasText: '%' }).waitFor();
    return this.page.locator('.verdict').innerText();
  }

  /** Chooses how much of the network trains: the head alone, so many of the last blocks, or all. */
  async chooseWhatTrains(what: number | 'head' | 'all'): Promise<void> {
    const name = what === 'head' ? 'Head only (fast)' : what === 'all' ? 'Whole network' : 'Last blocks';
    await this.page.getByRole('radio', { name }).check();
    if (typeof what === 'number') await this.page.getByRole('spinbutton', { name: 'How many blocks' }).fill(String(what));
  }

  /** Opens the advanced settings and changes some, by the ids of their fields. */
  async set(fields: { [id: string]: string }): Promise<void> {
    const details = this.page.locator('details.advanced');
    if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
    for (const [id, value] of Object.entries(fields)) {
      const field = details.locator(`#${id}`);
      const kind = await field.evaluate((element) => (element instanceof HTMLInputElement ? element.type : 'select'));
      if (kind === 'select') await field.selectOption(value);
      else if (kind === 'checkbox') await field.setChecked(value === 'true');
      else await field.fill(value);
    }
  }
}
