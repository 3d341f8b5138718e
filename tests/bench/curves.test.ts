/**
 * What many pictures cost: features, an epoch of the head, an epoch of fine-tuning with what is prepared for it, and the most that the tab has had
 * of the machine's memory by then. Drawn pictures, the bundled backbone on the CPU engine in Chromium, the settings and the limits of memory as
 * they are; a browser of its own for each number of pictures. Prints tables and writes target/bench/curves.svg and curves.json.
 *
 *     ./build.sh bench curves
 *     HEADSTART_PICTURES=100,1000 ./build.sh bench curves
 *
 * A cost that is linear is as much a picture at the largest number as at 1,000. That is told and not asserted; what is asserted is that all was done.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { expect, it } from 'vitest';
import type { Storage } from '../../www/generated/types.js';
import type { Trainer } from '../../www/headstart.js';
import { openApiPage, type ApiPage } from '../browser/support/api-page.js';
import type { DrawingKind } from '../browser/support/drawing.js';
import { COUNTED, MemoryWatch } from '../browser/support/memory.js';
import { drawPanels, type Curve, type Guide } from './curves-plot.js';

const COUNTS = (process.env['HEADSTART_PICTURES'] ?? '100,300,1000,3000,10000').split(',').map(Number).sort((a, b) => a - b);
const KINDS: readonly DrawingKind[] = ['circles', 'stripes', 'squares'];
/** So many are brought to the page at a time: files of a person lie on the disk, these would lie in memory. */
const BATCH = 250;
const FINE_TUNE = 'last:3';
/** Epochs that are timed, fewer of more pictures; the one before them is not, as it begins with more than an epoch does. */
const timed = (count: number, pictures: number, least: number, most: number): number => Math.min(Math.max(Math.round(pictures / count), least), most);
/** Where an epoch would take longer than this many seconds, only so many seconds of its steps are measured. */
const [LONGEST_EPOCH, SHARE] = [600, 60];
/** Whose cost a picture the others are held against. */
const REFERENCE = 1000;
/** Where others take more of the cores than this share, times say little. */
const QUIET = 0.05;
const RESULT = join(import.meta.dirname, '../../target/bench');
const STORED: Readonly<Record<Storage, string>> = { full: 'kept', half: 'half precision', recompute: 'anew at every step' };

/** What so many pictures cost. */
interface Row {
  pictures: number;
  /** Seconds until all of them were added, decoding included. */
  features: number;
  /** Seconds of an epoch, validation included. */
  headEpoch: number;
  prepare: number;
  fineTuneEpoch: number;
  /** The share of an epoch that `fineTuneEpoch` is worked out from, without validation; null where whole ones were measured. */
  share: number | null;
  /** What is kept for each training, and how. */
  head: Kept;
  fineTune: Kept;
  /** The most that the tab has had by then, page and worker, in MiB. */
  tab: { empty: number; features: number; head: number; fineTune: number };
  /** And the browser's own process, which holds files. */
  browser: number;
  accuracy: { head: number; fineTune: number };
  /** The share of the machine's cores that others took until then, from the one before on. */
  others: { features: number; head: number; fineTune: number };
}

interface Kept {
  storage: Storage;
  mebibytes: number;
}

/** A cost over the number of pictures. */
interface Cost extends Omit<Curve, 'guides'> {
  unit: string;
  /** What the cost of a picture is told in, and how many of these a `unit` is. */
  each: [unit: string, times: number];
}

declare global {
  var trainer: Trainer;
}

/** PNGs of each kind, drawn by a browser that is not measured: enough of each for that many pictures in all. */
async function drawn(most: number): Promise<Map<DrawingKind, Buffer[]>> {
  const artist = await openApiPage();
  const all = new Map<DrawingKind, Buffer[]>();
  for (const kind of KINDS) {
    const own: Buffer[] = [];
    for (let from = 0; from < Math.ceil(most / KINDS.length); from += BATCH) {
      const draw = async ({ kind, from, count }: { kind: DrawingKind; from: number; count: number }): Promise<string[]> => {
        const pictures = Array.from({ length: count }, (_, index) => drawing.draw(kind, from + index));
        return Promise.all((await Promise.all(pictures)).map(tools.base64));
      };
      for (const png of await artist.page.evaluate(draw, { kind, from, count: BATCH })) own.push(Buffer.from(png, 'base64'));
    }
    all.set(kind, own);
  }
  await artist.close();
  return all;
}

/** Seconds that the cores of the machine have worked so far for anybody but this benchmark and its browser, and that they have had. */
async function others(browser: Browser): Promise<{ worked: number; had: number }> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  const { user, system } = process.cpuUsage();
  const own = processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, (user + system) / 1e6);
  const all = cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
  return { worked: all - own, had: (performance.now() / 1000) * cpus().length };
}

/** Seconds of adding them, which bringing them to the page does not count to. */
async function addAll(api: ApiPage, pictures: Map<DrawingKind, Buffer[]>, total: number): Promise<number> {
  let seconds = 0;
  for (const [index, kind] of KINDS.entries()) {
    const own = pictures.get(kind)!.slice(0, Math.floor((total + KINDS.length - 1 - index) / KINDS.length));
    await api.page.evaluate(async (kind) => void (await trainer.addClass(kind)), kind);
    for (let from = 0; from < own.length; from += BATCH) {
      const paths = own.slice(from, from + BATCH).map((_, at) => `drawn/${kind}-${from + at}.png`);
      paths.forEach((path, at) => api.site.files.set(path, own[from + at]!));
      seconds += await api.page.evaluate(
        async ({ kind, paths }) => {
          const files = await Promise.all(paths.map(tools.file));
          const began = performance.now();
          const { failures } = await trainer.addImages(kind, files);
          if (failures.length > 0) throw failures[0]!.error;
          return (performance.now() - began) / 1000;
        },
        { kind, paths },
      );
      paths.forEach((path) => api.site.files.delete(path));
    }
  }
  return seconds;
}

/** Seconds of an epoch of the head, the first left out. */
function trainHead(api: ApiPage, epochs: number): Promise<{ epoch: number; accuracy: number; pictures: number }> {
  return api.page.evaluate(async (epochs) => {
    const run = trainer.train({ epochs: 1 + epochs });
    const ends: number[] = [];
    for await (const { kind } of run) if (kind === 'epoch') ends.push(performance.now() / 1000);
    const { validationAccuracy, images, epochsRun } = await run.report;
    if (epochsRun !== 1 + epochs) throw new Error(`${epochsRun} epochs ran`);
    return { epoch: (ends.at(-1)! - ends[0]!) / epochs, accuracy: validationAccuracy ?? NaN, pictures: images.train + images.validation };
  }, epochs);
}

/** Seconds of the preparation and of an epoch of fine-tuning, the first left out; one of the head comes between and is told of the first. */
function fineTune(api: ApiPage, epochs: number): Promise<{ prepareAndHead: number; epoch: number; share: number | null; accuracy: number }> {
  return api.page.evaluate(
    async ({ fineTune, epochs, longest, enough }) => {
      const began = performance.now() / 1000;
      const run = trainer.train({ fineTune, epochs: 1, fineTuneEpochs: 1 + epochs });
      const ends: number[] = [];
      let first: { step: number; at: number } | null = null;
      let [share, stretched] = [0, 0];
      for await (const { kind, phase, step, steps } of run) {
        const now = performance.now() / 1000;
        if (kind === 'epoch') ends.push(now);
        if (kind !== 'step' || phase !== 'fine-tune' || ends.length > 1 || share > 0) continue;
        first ??= { step, at: now };
        const part = (step - first.step) / (steps / (1 + epochs));
        if (now - first.at < enough || (now - first.at) / part < longest) continue;
        [share, stretched] = [part, (now - first.at) / part];
        void run.cancel();
      }
      const { validationAccuracy } = await run.report;
      const epoch = share > 0 ? stretched : (ends.at(-1)! - ends[1]!) / epochs;
      return { prepareAndHead: ends[0]! - began, epoch, share: share > 0 ? share : null, accuracy: validationAccuracy ?? NaN };
    },
    { fineTune: FINE_TUNE, epochs, longest: LONGEST_EPOCH, enough: SHARE } as const,
  );
}

async function measure(pictures: Map<DrawingKind, Buffer[]>, total: number): Promise<Row> {
  const api = await openApiPage();
  const watch = await MemoryWatch.of(api.browser);
  await api.page.evaluate(async () => void (globalThis.trainer = await headstart.Trainer.create({ engine: 'cpu' })));
  const tab = { empty: watch.peaks().renderer, features: 0, head: 0, fineTune: 0 };
  const shares = { features: 0, head: 0, fineTune: 0 };
  let before = await others(api.browser);
  const note = async (what: keyof typeof shares): Promise<void> => {
    tab[what] = watch.peaks().renderer;
    const now = await others(api.browser);
    // The two clocks do not tick together.
    shares[what] = Math.max((now.worked - before.worked) / (now.had - before.had), 0);
    before = now;
    console.info(`${total} pictures, ${what}: ${Math.round(tab[what])} MiB; others took ${Math.round(100 * shares[what])} %`);
  };
  const features = await addAll(api, pictures, total);
  await note('features');
  const [head, tuned] = await api.page.evaluate(
    async (settings) => {
      const estimates = await Promise.all(settings.map((fineTune) => trainer.estimate({ fineTune })));
      return estimates.map(({ storage, cacheBytes }) => ({ storage, mebibytes: cacheBytes / 2 ** 20 }));
    },
    ['none', FINE_TUNE] as const,
  );
  const trained = await trainHead(api, timed(total, 300_000, 20, 900));
  await note('head');
  const further = await fineTune(api, timed(total, 6000, 2, 20));
  await note('fineTune');
  const { browser } = watch.peaks();
  watch.stop();
  const errors = api.record.errors;
  await api.close();
  expect(errors).toEqual([]);
  expect(trained.pictures).toBe(total);
  return {
    pictures: total,
    features,
    headEpoch: trained.epoch,
    prepare: further.prepareAndHead - trained.epoch,
    fineTuneEpoch: further.epoch,
    share: further.share,
    head: head!,
    fineTune: tuned!,
    tab,
    browser,
    accuracy: { head: trained.accuracy, fineTune: further.accuracy },
    others: shares,
  };
}

/** What is to be linear, by name. */
function costs(rows: Row[]): Cost[] {
  const [milliseconds, kibibytes]: Cost['each'][] = [['ms', 1000], ['KiB', 1024]];
  const seconds = (name: string, of: (row: Row) => number, differs: (row: Row) => string | null): Cost => ({
    name,
    unit: 's',
    each: milliseconds!,
    points: rows.map((row) => ({ pictures: row.pictures, cost: of(row), differs: differs(row) })),
  });
  const memory = (name: string, of: (row: Row) => number, differs: (row: Row) => string | null): Cost => ({ ...seconds(name, of, differs), unit: 'MiB', each: kibibytes! });
  const stored = (row: Row, of: 'head' | 'fineTune'): string | null => (row[of].storage === 'full' ? null : STORED[row[of].storage]);
  const share = ({ share }: Row): string | null => (share === null ? null : `from ${(100 * share).toFixed(0)} % of it`);
  const fineTuned = (row: Row): string | null => [stored(row, 'fineTune'), share(row)].filter((each) => each !== null).join(', ') || null;
  return [
    seconds('features', ({ features }) => features, () => null),
    seconds('preparing fine-tuning', ({ prepare }) => prepare, (row) => stored(row, 'fineTune')),
    seconds('an epoch of fine-tuning', ({ fineTuneEpoch }) => fineTuneEpoch, fineTuned),
    seconds('an epoch of the head', ({ headEpoch }) => headEpoch, (row) => stored(row, 'head')),
    ...(COUNTED
      ? [
          memory('above empty: features', ({ tab }) => tab.features - tab.empty, () => null),
          memory('above empty: fine-tuning', ({ tab }) => tab.fineTune - tab.empty, (row) => stored(row, 'fineTune')),
        ]
      : []),
  ];
}

/** `cost = a + b · pictures`, each point counting by its share, as they lie evenly on a logarithmic scale; and the largest share that one is off. */
function fitted(points: Curve['points']): { a: number; b: number; off: number } {
  const sum = (of: (x: number, y: number) => number): number => points.reduce((all, { pictures, cost }) => all + of(pictures, cost) / cost ** 2, 0);
  const [w, x, y, xx, xy] = [sum(() => 1), sum((x) => x), sum((_, y) => y), sum((x) => x * x), sum((x, y) => x * y)];
  const b = (w * xy - x * y) / (w * xx - x * x);
  const a = (y - b * x) / w;
  return { a, b, off: Math.max(...points.map(({ pictures, cost }) => Math.abs((a + b * pictures) / cost - 1))) };
}

/** How a cost grows with the pictures; only over those numbers of them that are worked on in the same way. */
function judged({ points, each: [, times] }: Cost) {
  const alike = points.filter(({ differs }) => differs === null);
  const a = (point: Curve['points'][number]): number => (point.cost / point.pictures) * times;
  const [last, reference] = [alike.at(-1), alike.find(({ pictures }) => pictures === REFERENCE)];
  return {
    aPicture: points.map((point) => ({ pictures: point.pictures, cost: a(point), differs: point.differs })),
    ratio: last && reference && last !== reference ? { of: last.pictures, to: REFERENCE, is: a(last) / a(reference) } : null,
    reference,
    fit: alike.length > 2 ? fitted(alike) : null,
  };
}

const short = (value: number): string => (value < 100 ? value.toPrecision(3) : value.toFixed(0));

/** What is to be known of times that were measured beside others. */
function busy(rows: Row[]): string[] {
  const most = Math.max(...rows.flatMap(({ others }) => Object.values(others)));
  return most > QUIET ? [`others took up to ${Math.round(100 * most)} % of the cores meanwhile`] : [];
}

function write(rows: Row[]): void {
  mkdirSync(RESULT, { recursive: true });
  const judgements = costs(rows).map((cost) => ({ ...cost, ...judged(cost) }));
  const linear = Object.fromEntries(judgements.map(({ name, unit, each, aPicture, ratio, fit }) => [name, { unit, aPicture: { unit: each[0], at: aPicture }, ratio, fit }]));
  writeFileSync(join(RESULT, 'curves.json'), `${JSON.stringify({ rows, linear }, null, 2)}\n`);
  const of = (unit: string, guides: (judgement: (typeof judgements)[number]) => Guide[]): Curve[] =>
    judgements.filter((each) => each.unit === unit).map((each) => ({ name: each.name, points: each.points, guides: guides(each) }));
  const seconds = of('s', ({ reference }) => (reference ? [{ kind: 'dashed', of: (pictures) => (reference.cost / reference.pictures) * pictures }] : []));
  const whole: Curve = { name: 'all of the tab', guides: [], points: rows.map(({ pictures, tab }) => ({ pictures, cost: tab.fineTune, differs: null })) };
  const memory = of('MiB', ({ fit }) => (fit ? [{ kind: 'dashed', of: (pictures) => fit.a + fit.b * pictures }, { kind: 'dotted', of: (pictures) => fit.b * pictures }] : []));
  const panels = [
    { title: 'Time, on the CPU', unit: 'seconds', notes: [`dashed: slope 1 through the point at ${REFERENCE.toLocaleString('en')} pictures`, ...busy(rows)], curves: seconds },
    { title: 'The most memory of the tab', unit: 'MiB', notes: ['dashed: a + b · pictures, fitted; dotted: b · pictures, slope 1'], curves: [whole, ...memory] },
  ];
  writeFileSync(join(RESULT, 'curves.svg'), drawPanels(COUNTED ? panels : panels.slice(0, 1)));
}

function print(rows: Row[]): void {
  const judgements = costs(rows).map((cost) => ({ ...cost, ...judged(cost) }));
  const stored = ({ storage, mebibytes }: Kept): string => `${Math.round(mebibytes)} MiB ${STORED[storage]}`;
  console.table(Object.fromEntries(rows.map((row) => [row.pictures, {
    'features, s': short(row.features),
    'head epoch, s': short(row.headEpoch),
    'preparing, s': short(row.prepare),
    [`${FINE_TUNE} epoch, s`]: short(row.fineTuneEpoch) + (row.share === null ? '' : ` (from ${(100 * row.share).toFixed(0)} %)`),
    'tab, MiB: empty': Math.round(row.tab.empty),
    'features': Math.round(row.tab.features),
    'head': Math.round(row.tab.head),
    'fine-tuning': Math.round(row.tab.fineTune),
    'browser, MiB': Math.round(row.browser),
    'cache': stored(row.fineTune),
    'others, %': Object.values(row.others).map((share) => Math.round(100 * share)).join(', '),
    'accuracy': `${short(row.accuracy.head)}, ${short(row.accuracy.fineTune)}`,
  }])));
  console.table(Object.fromEntries(judgements.map(({ name, unit, each, aPicture, ratio, fit }) => [`${name}, ${each[0]} a picture`, {
    ...Object.fromEntries(aPicture.map(({ pictures, cost, differs }) => [`${pictures}`, short(cost) + (differs === null ? '' : ` (${differs})`)])),
    'ratio': ratio === null ? '' : `${ratio.is.toFixed(2)} (${ratio.of} to ${ratio.to})`,
    'fit': fit === null ? '' : `${short(fit.a)} ${unit} + ${short(fit.b * each[1])} ${each[0]} a picture, off by ${(100 * fit.off).toFixed(0)} %`,
  }])));
}

it('what many pictures cost', async () => {
  const pictures = await drawn(COUNTS.at(-1)!);
  const rows: Row[] = [];
  for (const total of COUNTS) {
    rows.push(await measure(pictures, total));
    // After each: the largest takes most of the time, and may not fit into the machine.
    write(rows);
  }
  print(rows);
  console.info(['Written to target/bench/curves.svg and curves.json', ...busy(rows)].join('; '));
  const numbers = rows.flatMap(({ features, headEpoch, prepare, fineTuneEpoch, tab }) => [features, headEpoch, prepare, fineTuneEpoch, ...(COUNTED ? Object.values(tab) : [])]);
  expect(numbers.every((number) => Number.isFinite(number) && number > 0)).toBe(true);
  for (const { accuracy } of rows) expect(Math.min(accuracy.head, accuracy.fineTune)).toBeGreaterThan(1 / KINDS.length);
}, 7_200_000);
