import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import type { EngineReport, Trainer, TrainerOptions, Workload } from '../../../www/headstart.js';
import { launch, observe, type LaunchOptions, type Record } from './browser.js';
import { installDrawing, type DrawingKind } from './drawing.js';
import { serveSite, type Site } from './server.js';

/** An error as it leaves the page. */
export interface Refused {
  code: string;
  message: string;
  value: string | undefined;
  isHeadstartError: boolean;
}

/** Small helps for the code that tests run in the page. */
export interface PageTools {
  /** What a promise rejects with, or `{ code: 'nothing thrown' }`. */
  refused(promise: Promise<unknown>): Promise<Refused>;
  /** Adds drawings to a class of the same name, made first where it is missing; gives their numbers. */
  fill(trainer: Trainer, kind: DrawingKind, count: number, firstSeed?: number): Promise<number[]>;
  /** A file that the test site serves, as the user would pick it. */
  file(path: string): Promise<File>;
  /** A file's bytes in base 64: a list of numbers takes minutes to leave the page. */
  base64(blob: Blob): Promise<string>;
  /** RGBA pixels that came in base 64. */
  image(rgba: string, width: number, height: number): ImageData;
  /** A trainer on the CPU with 12 circles and 12 stripes. */
  trainerWithPictures(): Promise<Trainer>;
  /** A trainer that has chosen its engines, what it computed on until then, and how long that was. */
  decided(options?: Omit<TrainerOptions, 'engine' | 'onEngine'>): Promise<{ trainer: Trainer; first: EngineReport; milliseconds: number }>;
  /** Has it kept that on this device the GPU measured faster for these kinds of work, and the CPU for the others. */
  keepEngines(onGpu: readonly Workload[], options?: Parameters<PageTools['decided']>[0]): Promise<void>;
}

declare global {
  var headstart: typeof import('../../../www/headstart.js');
  var tools: PageTools;
}

/** A developer's empty page that has imported `headstart.js` as `headstart`, in a browser of its own. */
export interface ApiPage {
  browser: Browser;
  page: Page;
  site: Site;
  record: Record;
  /** Another page like it, in another tab. */
  openTab(): Promise<{ page: Page; record: Record }>;
  close(): Promise<void>;
}

/** The bundled backbone's folder. */
const BACKBONE = new URL('../../../www/public/backbones/mobilenet-v2-0.75-128/', import.meta.url);

/**
 * Opens an {@link ApiPage}. Its site serves the bundled backbone a second time, as `small` for pictures of 64 pixels: a quarter of the
 * work, for what a software adapter computes.
 */
export async function openApiPage(options: LaunchOptions = {}): Promise<ApiPage> {
  const site = await serveSite();
  const card = JSON.parse(readFileSync(new URL('config.json', BACKBONE), 'utf8'));
  card.pretrained_cfg.input_size = [3, 64, 64];
  site.files.set('small/config.json', Buffer.from(JSON.stringify(card)));
  site.files.set('small/model.safetensors', readFileSync(new URL('model.safetensors', BACKBONE)));
  const browser = await launch(options);
  const context = await browser.newContext();
  const openTab = async (): Promise<{ page: Page; record: Record }> => {
    const page = await context.newPage();
    const record = observe(context, page);
    await page.addInitScript(installDrawing);
    await page.addInitScript(installTools);
    await page.goto(`${site.url}blank.html`);
    await page.evaluate(`import('${site.url}headstart.js').then((module) => { globalThis.headstart = module; })`);
    return { page, record };
  };
  return {
    browser,
    ...(await openTab()),
    site,
    openTab,
    async close() {
      await browser.close();
      await site.close();
    },
  };
}

/** Runs in the page, so it can use nothing from outside of itself. */
function installTools(): void {
  globalThis.tools = {
    refused: (promise) =>
      promise.then(
        () => ({ code: 'nothing thrown', message: '', value: undefined, isHeadstartError: false }),
        (error) => {
          const { code, message, value } = error as Refused;
          return { code, message, value, isHeadstartError: error instanceof headstart.HeadstartError };
        },
      ),
    async fill(trainer, kind, count, firstSeed = 0) {
      if (!trainer.classes.some(({ name }) => name === kind)) await trainer.addClass(kind);
      const seeds = Array.from({ length: count }, (_, i) => firstSeed + i);
      // Drawn before the first is added: which is drawn first changes from time to time, and with the order the split would.
      const pictures = await Promise.all(seeds.map((seed) => drawing.draw(kind, seed)));
      return Promise.all(pictures.map((picture) => trainer.addImage(kind, picture)));
    },
    async file(path) {
      const response = await fetch(path);
      return new File([await response.blob()], path.split('/').at(-1) ?? path);
    },
    base64: (blob) =>
      new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
        reader.readAsDataURL(blob);
      }),
    image: (rgba, width, height) => new ImageData(Uint8ClampedArray.from(atob(rgba), (letter) => letter.charCodeAt(0)), width, height),
    async trainerWithPictures() {
      const trainer = await headstart.Trainer.create({ engine: 'cpu' });
      await tools.fill(trainer, 'circles', 12);
      await tools.fill(trainer, 'stripes', 12);
      return trainer;
    },
    async decided(options = {}) {
      let tell = (): void => undefined;
      const decided = new Promise<void>((resolve) => (tell = resolve));
      const trainer = await headstart.Trainer.create({ ...options, engine: 'auto', onEngine: () => tell() });
      const [first, start] = [trainer.engine, performance.now()];
      if (first.undecided) await decided;
      return { trainer, first, milliseconds: performance.now() - start };
    },
    async keepEngines(onGpu, options) {
      (await tools.decided(options)).trainer.close();
      const cache = await caches.open('headstart engines');
      for (const request of await cache.keys()) {
        const { report, at } = (await (await cache.match(request))!.json()) as { report: EngineReport; at: number };
        const workloads = report.workloads.map((each) => ({ ...each, kind: onGpu.includes(each.workload) ? 'webgpu' : 'cpu' }));
        await cache.put(request, Response.json({ report: { ...report, kind: 'webgpu', workloads }, at }));
      }
    },
  };
}
