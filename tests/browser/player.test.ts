import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../../www/security.js';
import { openApiPage } from './support/api-page.js';
import type { AppPage, PickedFile } from './support/app-page.js';
import { violations } from './support/axe.js';
import { foreignRequests, launch, observe, type Record } from './support/browser.js';
import { writeClip } from './support/clip.js';
import { DIST, serveFolder, type Site } from './support/server.js';

/** A name that a table has to be careful with. */
const THIN = '-stripes, "thin"';
const NAME = 'Circles & stripes';
const FILES = ['index.html', 'player.js', 'player.css', 'worker.js', 'headstart_bg.wasm', 'sw.js', 'icon.svg', 'manifest.webmanifest'];

let folder: string;
let site: Site;
let browser: Browser;
let model: Buffer;
/** Pictures, and how probable the trainer finds each class. */
let pictures: { file: PickedFile; expected: number[] }[];
const visits: { record: Record; url: string }[] = [];

declare global {
  /** What the page got from the camera. */
  var streams: MediaStream[];
}

beforeAll(async () => {
  for (const file of FILES) {
    if (!existsSync(join(DIST, 'player', file))) throw new Error(`${file} is missing in dist/player: build the player first`);
  }
  const api = await openApiPage();
  const made = await api.page.evaluate(async (thin) => {
    const trainer = await tools.trainerWithPictures();
    await trainer.renameClass('stripes', thin);
    await trainer.train({ epochs: 5 }).report;
    const pictures = await Promise.all(
      (['circles', 'stripes', 'circles'] as const).map(async (kind, index) => {
        const picture = await drawing.draw(kind, 700 + index, 200);
        const predictions = await trainer.predict(picture);
        const expected = ['circles', thin].map((name) => predictions.find(({ className }) => className === name)?.probability ?? NaN);
        return { bytes: await tools.base64(picture), expected };
      }),
    );
    return { model: await tools.base64(await trainer.save()), pictures };
  }, THIN);
  await api.close();
  model = Buffer.from(made.model, 'base64');
  pictures = made.pictures.map(({ bytes, expected }, index) => ({ file: picked(`picture ${index}.png`, Buffer.from(bytes, 'base64')), expected }));

  // As whoever exports it puts it together.
  folder = mkdtempSync(join(tmpdir(), 'headstart-player-'));
  cpSync(join(DIST, 'player'), folder, { recursive: true });
  writeFileSync(join(folder, 'model.zip'), model);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.webmanifest'), 'utf8'));
  writeFileSync(join(folder, 'manifest.webmanifest'), JSON.stringify({ ...manifest, name: NAME }));
  site = await serve();
  const clip = join(tmpdir(), `headstart-player-${process.pid}.y4m`);
  writeClip(clip, [{ color: [200, 40, 30], frames: 30 }]);
  browser = await launch({ clip });
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
  rmSync(join(tmpdir(), `headstart-player-${process.pid}.y4m`), { force: true });
});

function serve(): Promise<Site> {
  return serveFolder(folder, { headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY } });
}

function picked(name: string, buffer: Buffer, mimeType = 'image/png'): PickedFile {
  return { name, mimeType, buffer };
}

const TEXT = picked('notes.jpg', Buffer.from('Not a picture at all.'), 'image/jpeg');

interface Visit {
  context: BrowserContext;
  page: Page;
  record: Record;
}

/** A first visit, without anything kept from another. */
async function visit(options: BrowserContextOptions = {}, at = site): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const record = observe(context, page);
  visits.push({ record, url: at.url });
  await page.addInitScript(() => {
    globalThis.streams = [];
    const devices = navigator.mediaDevices;
    const get = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (constraints) => {
      const stream = await get(constraints);
      streams.push(stream);
      return stream;
    };
  });
  await page.goto(at.url);
  return { context, page, record };
}

const webcam = (page: Page) => page.getByRole('button', { name: 'Webcam' });
const verdict = (page: Page) => page.locator('.verdict');
const bars = (page: Page) => page.getByRole('meter').evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));

async function choose(page: Page, files: PickedFile[]): Promise<void> {
  await page.locator('input[accept="image/*"]').setInputFiles(files);
}

async function csv(page: Page): Promise<string> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as CSV' }).click();
  expect((await download).suggestedFilename()).toBe('Circles _ stripes.csv');
  return readFileSync(await (await download).path(), 'utf8');
}

it('is nothing but files beside each other under the main page’s policy', () => {
  const html = readFileSync(join(folder, 'index.html'), 'utf8');
  const policy = /http-equiv="Content-Security-Policy"\s+content="([^"]*)"/.exec(html)?.[1];
  expect(policy?.replace(" manifest-src 'self';", '')).toBe(CONTENT_SECURITY_POLICY);
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)/);
  const worker = readFileSync(join(folder, 'sw.js'), 'utf8');
  expect(worker).not.toMatch(/\bimport\b|\bexport\b/);
  for (const file of [...FILES.filter((each) => each !== 'sw.js'), 'model.zip']) expect(worker, file).toContain(file);
});

describe('with its model', () => {
  let at: Visit;
  beforeAll(async () => {
    at = await visit();
    await webcam(at.page).waitFor();
  });
  afterAll(() => at?.context.close());

  it('has the name of the model and says what it tells apart', async () => {
    await at.page.getByRole('heading', { level: 1, name: NAME }).waitFor();
    expect(await at.page.title()).toBe(NAME);
    expect(await bars(at.page)).toEqual(['circles', THIN]);
    expect(await verdict(at.page).innerText()).toBe('No picture yet');
  });

  it('finds in pictures what the trainer finds, and lists them in order', async () => {
    await choose(at.page, [pictures[0]!.file, TEXT, pictures[1]!.file, picked('=1+1, "a".png', pictures[2]!.file.buffer)]);
    await at.page.getByText('4 pictures, 1 of them could not be read', { exact: true }).waitFor();
    const entries = at.page.locator('.entries > li');
    // That one is no picture may be known before anything is of the others.
    await expect.poll(() => entries.locator('img').evaluateAll((all) => all.map((each) => (each as HTMLImageElement).naturalWidth))).toEqual([160, 160, 160]);
    expect(await verdict(at.page).innerText()).toMatch(/^circles, /);
    expect(await entries.locator('.entry-name').allInnerTexts()).toEqual(['picture 0.png', 'notes.jpg', 'picture 1.png', '=1+1, "a".png']);
    expect(await entries.nth(1).innerText()).toContain('“notes.jpg” cannot be read as a picture');

    const [head, ...rows] = (await csv(at.page)).split('\r\n');
    expect(head).toBe('\ufefffile,predicted class,probability,circles,"\'-stripes, ""thin"""');
    expect(rows[0]).toMatch(/^picture 0\.png,circles,(\d\.\d{6}),\1,\d\.\d{6}$/);
    expect(rows[1]).toBe('notes.jpg,,,,');
    expect(rows[2]).toMatch(/^picture 1\.png,"'-stripes, ""thin""",(\d\.\d{6}),\d\.\d{6},\1$/);
    expect(rows[3]).toMatch(/^"'=1\+1, ""a""\.png",circles,/);
    expect(rows.slice(4)).toEqual(['']);
    for (const [row, index] of [[0, 0], [2, 1], [3, 2]] as const) {
      const shares = rows[row]!.split(',').slice(-2).map(Number);
      const off = shares.map((share, each) => Math.abs(share - pictures[index]!.expected[each]!));
      expect(Math.max(...off), rows[row]).toBeLessThanOrEqual(1e-6);
    }
  });

  it('shows the picture of the list that is pressed, its most probable class first', async () => {
    await at.page.getByRole('button', { name: /^picture 1\.png/ }).click();
    await at.page.getByRole('img', { name: 'picture 1.png' }).waitFor();
    expect(await verdict(at.page).innerText()).toContain(THIN);
    expect(await bars(at.page)).toEqual([THIN, 'circles']);
  });

  it('says that a file is no picture and loses nothing', async () => {
    await choose(at.page, [TEXT]);
    await at.page.locator('.notice.error').getByText('“notes.jpg” cannot be read as a picture').waitFor();
    await at.page.getByText('5 pictures, 2 of them could not be read', { exact: true }).waitFor();
    await at.page.getByRole('img', { name: 'picture 1.png' }).waitFor();
    expect(await verdict(at.page).innerText()).toContain(THIN);
  });

  it('takes what is pasted and what is dropped anywhere', async () => {
    const bytes = pictures[0]!.file.buffer.toString('base64');
    for (const [type, target] of [['paste', 'body'], ['drop', 'h1']] as const) {
      await at.page.evaluate(
        ([type, target, bytes]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], `${type}.png`, { type: 'image/png' }));
          const init = { bubbles: true, cancelable: true };
          const paste = () => new ClipboardEvent(type, { ...init, clipboardData: transfer });
          const event = type === 'paste' ? paste() : new DragEvent(type, { ...init, dataTransfer: transfer });
          document.querySelector(target)!.dispatchEvent(event);
        },
        [type, target, bytes] as const,
      );
      await at.page.getByRole('img', { name: `${type}.png` }).waitFor();
    }
    expect(await verdict(at.page).innerText()).toMatch(/^circles, /);
  });

  it('keeps its model where another file is none', async () => {
    await at.page.locator('input[accept*=zip]').setInputFiles(picked('other.zip', Buffer.from('Not a model.'), 'application/zip'));
    await at.page.locator('.notice.error').getByText('The model before is still in use.').waitFor();
    expect(await at.page.title()).toBe(NAME);
    await choose(at.page, [pictures[1]!.file]);
    await expect.poll(() => verdict(at.page).innerText()).toContain(THIN);
  });

  it('looks at the camera until it is stopped', async () => {
    await webcam(at.page).click();
    await expect.poll(() => verdict(at.page).innerText()).toMatch(/, (<?\d+%)$/);
    const video = at.page.getByLabel('What the camera sees');
    expect(await video.evaluate((element) => getComputedStyle(element).transform)).toContain('-1');
    // Bars keep their places, and nobody is told of every frame.
    expect(await bars(at.page)).toEqual(['circles', THIN]);
    expect(await verdict(at.page).getAttribute('role')).toBeNull();
    await at.page.getByRole('button', { name: 'Stop the webcam' }).click();
    expect(await at.page.locator('video').count()).toBe(0);
    await expect.poll(() => at.page.evaluate(() => streams.map(({ active }) => active))).toEqual([false]);
    // The picture of before is there again.
    await at.page.getByRole('img', { name: 'picture 1.png' }).waitFor();
  });

  it('switches the camera off when the page is hidden', async () => {
    await webcam(at.page).click();
    await expect.poll(() => at.page.evaluate(() => streams.at(-1)?.active)).toBe(true);
    await at.page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
      Object.defineProperty(document, 'hidden', { value: false, configurable: true });
    });
    await at.page.getByText('The webcam was switched off while this page was hidden.').waitFor();
    await expect.poll(() => at.page.evaluate(() => streams.some(({ active }) => active))).toBe(false);
  });

  it('turns from the camera on the back to the one beside the screen', async () => {
    await at.page.evaluate(() => {
      // A phone's two.
      const devices = navigator.mediaDevices;
      const [get, list] = [devices.getUserMedia.bind(devices), devices.enumerateDevices.bind(devices)];
      let facing = '';
      devices.getUserMedia = (constraints) => {
        facing = (constraints?.video as { facingMode: string }).facingMode;
        return get(constraints);
      };
      devices.enumerateDevices = async () => (await list()).flatMap((device) => [device, device]);
      MediaStreamTrack.prototype.getSettings = () => ({ facingMode: facing });
    });
    const mirrored = () => at.page.getByLabel('What the camera sees').evaluate((video) => getComputedStyle(video).transform.includes('-1'));
    await webcam(at.page).click();
    await at.page.getByRole('button', { name: 'Front' }).waitFor();
    expect(await mirrored()).toBe(false);
    await at.page.getByRole('button', { name: 'Front' }).click();
    await at.page.getByRole('button', { name: 'Back' }).waitFor();
    expect(await mirrored()).toBe(true);
    expect(await at.page.evaluate(() => streams.filter(({ active }) => active).length)).toBe(1);
    await at.page.getByRole('button', { name: 'Stop the webcam' }).click();
  });

  it('forgets the list when it is told to', async () => {
    await at.page.getByRole('button', { name: 'Clear' }).click();
    expect(await at.page.getByRole('region', { name: 'Pictures' }).count()).toBe(0);
    expect(await verdict(at.page).innerText()).toBe('No picture yet');
    expect(await at.page.evaluate(() => document.activeElement?.tagName)).toBe('MAIN');
    expect(at.record.errors).toEqual([]);
  });
});

describe('after the first visit', () => {
  let own: Site;
  let at: Visit;
  beforeAll(async () => {
    own = await serve();
    at = await visit({}, own);
    await webcam(at.page).waitFor();
  });
  afterAll(async () => {
    await at?.context.close();
    await own?.close();
  });

  it('has kept its own files and nothing else', async () => {
    await expect.poll(() => at.page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
    const kept = await at.page.evaluate(async () => {
      const names = await caches.keys();
      const requests = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return requests.flat().map(({ url }) => url);
    });
    const wanted = ['', 'model.zip', ...FILES.filter((file) => file !== 'sw.js')];
    expect(kept.sort()).toEqual(wanted.map((file) => own.url + file).sort());
  });

  it('sees a newer export, whole, at the visit after the one that fetches it', async () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.webmanifest'), 'utf8'));
    const before = String(manifest.name);
    own.files.set('manifest.webmanifest', Buffer.from(JSON.stringify({ ...manifest, name: 'Newer' })));
    // The exporter stamps it.
    const worker = readFileSync(join(folder, 'sw.js'), 'utf8');
    expect(worker.split('as built')).toHaveLength(2);
    own.files.set('sw.js', Buffer.from(worker.replace('as built', 'newer')));
    const caches = () => at.page.evaluate(async () => (await globalThis.caches.keys()).filter((name) => name.startsWith('headstart')));
    // One of its files does not come: the export before goes on, and nothing is mixed.
    renameSync(join(folder, 'player.css'), join(folder, 'gone.css'));
    own.asked.length = 0;
    await at.page.reload();
    await at.page.getByRole('heading', { level: 1, name: before }).waitFor();
    await expect.poll(() => own.asked).toContain('player.css');
    expect((await caches()).some((name) => name.endsWith('as built'))).toBe(true);
    renameSync(join(folder, 'gone.css'), join(folder, 'player.css'));
    await at.page.reload();
    await at.page.getByRole('heading', { level: 1, name: before }).waitFor();
    await expect.poll(async () => (await caches()).map((name) => name.split(' ').at(-1))).toEqual(['newer']);
    await at.page.reload();
    await at.page.getByRole('heading', { level: 1, name: 'Newer' }).waitFor();
    await webcam(at.page).waitFor();
  });

  it('works without a network, as it was seen last', async () => {
    await at.context.setOffline(true);
    // What a service worker asks for is not held back by that.
    await own.close();
    await at.page.reload();
    await at.page.getByRole('heading', { level: 1, name: 'Newer' }).waitFor();
    await webcam(at.page).waitFor();
    await choose(at.page, [pictures[1]!.file]);
    await expect.poll(() => verdict(at.page).innerText()).toContain(THIN);
  });
});

describe('where its model', () => {
  it.each([
    ['is missing', null, /There is no “model.zip” beside this page \(the server answered 404\)/],
    ['is truncated', () => model.subarray(0, model.length / 2), /model|zip/i],
    ['is something else', () => Buffer.from('<!doctype html><title>Welcome</title>'), /model|zip/i],
  ] as const)('%s, says so and takes another', async (_, content, message) => {
    const path = join(folder, 'model.zip');
    if (content === null) rmSync(path);
    else writeFileSync(path, content());
    const at = await visit();
    const alert = at.page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(message);
    expect(await violations({ page: at.page } as AppPage)).toEqual([]);
    await at.page.getByRole('button', { name: 'Try again' }).click();
    await alert.waitFor();

    await at.page.locator('input[accept*=zip]').setInputFiles(picked('my own.zip', model, 'application/zip'));
    await at.page.getByRole('heading', { level: 1, name: 'my own' }).waitFor();
    await choose(at.page, [pictures[0]!.file]);
    await expect.poll(() => verdict(at.page).innerText()).toMatch(/^circles, /);
    // The browser itself tells of what is not found.
    expect(at.record.errors.filter((each) => !each.includes('404'))).toEqual([]);
    await at.context.close();
    writeFileSync(path, model);
  });
});

describe('where a file of the page', () => {
  it.each([
    ['worker.js', null, /worker could not be started/],
    ['headstart_bg.wasm', null, /“headstart_bg.wasm”, which belongs beside this page, could not be loaded/],
    ['headstart_bg.wasm', () => Buffer.from('Not a program.'), /“headstart_bg.wasm”, which belongs beside this page, could not be loaded/],
  ] as const)('%s cannot be used, says so and goes on when it can be', async (name, content, message) => {
    const path = join(folder, name);
    const right = readFileSync(path);
    if (content === null) rmSync(path);
    else writeFileSync(path, content());
    const at = await visit();
    const alert = at.page.getByRole('alert');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(message);
    // A site with a wrong file is not kept: it would stay wrong.
    expect(await at.page.evaluate(() => navigator.serviceWorker.getRegistration())).toBeUndefined();
    writeFileSync(path, right);
    await at.page.getByRole('button', { name: 'Try again' }).click();
    await choose(at.page, [pictures[0]!.file]);
    await expect.poll(() => verdict(at.page).innerText()).toMatch(/^circles, /);
    await expect.poll(() => at.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()) !== undefined)).toBe(true);
    await at.context.close();
  });
});

describe.each([
  { colours: 'light', width: 360, height: 740 },
  { colours: 'dark', width: 360, height: 740 },
  { colours: 'light', width: 1280, height: 800 },
  { colours: 'dark', width: 1280, height: 800 },
] as const)('in $colours colours, $width wide', ({ colours, width, height }) => {
  it('is accessible and never scrolls sideways', async () => {
    const { page, context, record } = await visit({ colorScheme: colours, viewport: { width, height }, reducedMotion: 'reduce' });
    const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await webcam(page).waitFor();
    expect(await violations({ page } as AppPage), 'first look').toEqual([]);
    await choose(page, [...pictures.map(({ file }) => file), TEXT, picked(`${'long'.repeat(40)}.png`, pictures[0]!.file.buffer)]);
    await page.getByText('5 pictures, 1 of them could not be read', { exact: true }).waitFor();
    expect(await violations({ page } as AppPage), 'pictures').toEqual([]);
    expect(await sideways()).toBeLessThanOrEqual(0);
    await webcam(page).click();
    await expect.poll(() => verdict(page).innerText()).toMatch(/, (<?\d+%)$/);
    expect(await violations({ page } as AppPage), 'camera').toEqual([]);
    expect(await sideways()).toBeLessThanOrEqual(0);
    expect(record.errors).toEqual([]);
    await context.close();
  });
});

it('asked nothing of any other site', () => {
  expect(visits.length).toBeGreaterThan(5);
  expect(visits.flatMap(({ record, url }) => foreignRequests(record, url))).toEqual([]);
});
