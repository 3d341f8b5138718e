import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Catalogue } from '../../www/tools/backbone/catalogue.js';
import { StandInHub } from '../www/support/hub.js';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { foreignRequests } from './support/browser.js';
import { PROGRAM, runBuildScript, runProgram } from './support/command.js';
import { readSafetensors } from './support/safetensors.js';

const SERVED = new URL('../../www/public/backbones/', import.meta.url).pathname;
const NAME = 'stand-in/tiny.of_default';

// Without the native program there is nothing to check and convert with; `./build.sh test` makes it before it comes here.
describe.skipIf(PROGRAM === undefined)('a backbone that is fetched from the hub', () => {
  let folder: string;
  let hub: StandInHub;
  let api: ApiPage;
  let published: Buffer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'headstart-hub-'));
    hub = await StandInHub.open();
    await cp(SERVED, join(folder, 'backbones'), { recursive: true });
    // The bundled one as it would be published: in full precision, its card without what the site adds.
    const index = JSON.parse(readFileSync(join(SERVED, 'index.json'), 'utf8')) as Catalogue;
    const made = await runProgram(PROGRAM!, ['convert', join(SERVED, index.default), '--to', 'f32', '--out', join(folder, 'published')]);
    expect(made.status, made.stderr).toBe(0);
    published = readFileSync(join(folder, 'published/model.safetensors'));
    const { license, source, name, note, stored, ...card } = JSON.parse(readFileSync(join(folder, 'published/config.json'), 'utf8'));
    const readme = '---\nlicense: apache-2.0\ntags:\n- timm\n---\n# Model card\n';
    hub.add(NAME, { 'config.json': JSON.stringify(card), 'model.safetensors': published, 'README.md': readme }, { cardData: null });
  });
  afterAll(async () => {
    await api?.close();
    await hub?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('is downloaded in spite of a cut, checked, converted and listed', async () => {
    hub.faults.push({ kind: 'cut', after: 1_000_000 });
    const args = [NAME, '--to', 'int8', '--into', join(folder, 'backbones')];
    const { status, stdout, stderr } = await runBuildScript(folder, args, { HF_ENDPOINT: hub.url });
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('The connection was cut');
    expect(stdout).toContain('licence apache-2.0');
    const weights = readFileSync(join(folder, 'backbones/tiny.of_default/model.safetensors'));
    expect(weights.length).toBeLessThan(0.35 * published.length);
    expect(Object.values(readSafetensors(weights).header).some(({ dtype }) => dtype === 'I8')).toBe(true);
    const index = JSON.parse(readFileSync(join(folder, 'backbones/index.json'), 'utf8')) as Catalogue;
    const [fetched, bundled] = [index.backbones.find((one) => one.folder === 'tiny.of_default'), index.backbones.find((one) => one.folder === index.default)];
    const { architecture, label, inputSize, features, parameters } = bundled!;
    const source = `${hub.url}/${NAME}/tree/${hub.repositories.get(NAME)!.commit}`;
    expect(fetched).toMatchObject({ architecture, label, inputSize, features, parameters, bytes: weights.length, license: 'apache-2.0', source });
  });

  it('is refused with the program’s own words where it is none, and leaves nothing', async () => {
    hub.add('stand-in/broken', { 'config.json': '{"architecture":"vit_tiny"}', 'model.safetensors': published.subarray(0, 5000) });
    const before = readdirSync(join(folder, 'backbones')).toSorted();
    const args = ['stand-in/broken', '--into', join(folder, 'backbones')];
    const { status, stdout, stderr } = await runBuildScript(folder, args, { HF_ENDPOINT: hub.url });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trim().split('\n').at(-1)!.length).toBeGreaterThan(30);
    expect(stderr).not.toMatch(/Unexpected|panicked| at .*\.mjs/);
    expect(readdirSync(join(folder, 'backbones')).toSorted()).toEqual(before);
  });

  it('trains in the browser, which asks its own site and nobody else', async () => {
    api = await openApiPage();
    for (const entry of readdirSync(join(folder, 'backbones'), { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, 'backbones', entry);
      if (existsSync(path) && /\.(json|safetensors)$/.test(entry)) api.site.files.set(`backbones/${entry}`, readFileSync(path));
    }
    const asked = hub.seen.length;
    const result = await api.page.evaluate(async () => {
      const entry = (await headstart.listBackbones()).find(({ name }) => name === 'tiny.of_default');
      const trainer = await headstart.Trainer.create({ engine: 'cpu', backbone: entry! });
      await tools.fill(trainer, 'circles', 12);
      await tools.fill(trainer, 'stripes', 12);
      const run = trainer.train({ epochs: 10 });
      for await (const _ of run);
      const report = await run.report;
      const [best] = await trainer.predict(await drawing.draw('stripes', 99));
      const { source, license } = trainer.backbone;
      return { accuracy: report.validationAccuracy, best: best?.className, folder: entry!.folder, source, license };
    });
    expect(result).toMatchObject({ accuracy: 1, best: 'stripes', license: 'apache-2.0' });
    expect(result.source).toContain(NAME);
    expect(result.folder).toBe(`${api.site.url}backbones/tiny.of_default/`);
    expect(api.record.requests).toContain(`${result.folder}model.safetensors`);
    expect(foreignRequests(api.record, api.site.url)).toEqual([]);
    expect(hub.seen).toHaveLength(asked);
    expect(api.record.errors).toEqual([]);
  });
});
