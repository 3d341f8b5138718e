import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listBackbones, listedDefault } from '../../www/client/backbones.js';
import { catalogueOf, catalogueText, type Catalogue } from '../../www/tools/backbone/catalogue.js';
import { progressLine, Progress } from '../../www/tools/backbone/progress.js';
import { publishedTop1 } from '../../www/tools/backbone/published.js';
import { parseReference } from '../../www/tools/backbone/reference.js';
import { Command } from './support/backbone-command.js';

const WWW = join(import.meta.dirname, '../../www');
const SERVED = join(WWW, 'public/backbones');

let command: Command;
beforeEach(async () => {
  command = await Command.open('http://127.0.0.1:9');
});
afterEach(() => {
  vi.unstubAllGlobals();
  return command.close();
});

/** Writes a backbone as it might be published and gives its folder. */
async function write(name: string, card: object = {}, readme?: string): Promise<string> {
  const folder = join(command.folder, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify({ architecture: 'resnet18', ...card }));
  await writeFile(join(folder, 'model.safetensors'), `weights of ${name}`);
  if (readme !== undefined) await writeFile(join(folder, 'README.md'), readme);
  return folder;
}

const catalogue = () => JSON.parse(readFileSync(join(command.into, 'index.json'), 'utf8')) as Catalogue;
const folders = () => catalogue().backbones.map(({ folder }) => folder);
const card = (name: string) => JSON.parse(readFileSync(join(command.into, name, 'config.json'), 'utf8'));

describe('the list of the site', () => {
  it('is what the command writes', async () => {
    const committed = readFileSync(join(SERVED, 'index.json'), 'utf8');
    const { default: fallback, backbones } = JSON.parse(committed) as Catalogue;
    // What the program finds in them is compared by tests/catalogue.rs, which can ask it.
    const inspect = async (path: string) => {
      const found = backbones.find(({ folder }) => join(SERVED, folder) === path);
      if (!found) throw new Error(`${path} is not in index.json: run ./build.sh backbone --index`);
      return found;
    };
    const written = await catalogueOf(SERVED, fallback, { inspect, convert: async () => [] });
    expect(catalogueText(written)).toBe(committed);
  });

  it('says which one is used unasked, and the library uses that', async () => {
    for (const name of ['a', 'b']) await command.run(await write(name));
    vi.stubGlobal('location', { href: 'https://example.test/site/' });
    vi.stubGlobal('fetch', async () => new Response(readFileSync(join(command.into, 'index.json'))));
    for (const name of ['a', 'b', 'a']) {
      await command.run('--index', '--default', name);
      const shown = (await listBackbones()).filter((entry) => entry.default);
      expect(shown.map(({ folder }) => folder)).toEqual([await listedDefault()]);
      expect(await listedDefault()).toMatch(new RegExp(`/backbones/${name}/$`));
    }
  });

  it('is the same in whichever order backbones came', async () => {
    for (const name of ['b', 'a', 'C']) await command.run(await write(name));
    expect(folders()).toEqual(['C', 'a', 'b']);
    const before = readFileSync(join(command.into, 'index.json'), 'utf8');
    await writeFile(join(command.into, 'index.json'), '{');
    expect(await command.problem('--list')).toMatch(/is no list of backbones: .* --index writes it anew/);
    expect(await command.problem('--index')).toMatch(/^Which is the one that is used where none is chosen\? --default NAME says it; in .*: .*C/);
    await command.run('--index', '--default', 'b');
    expect(readFileSync(join(command.into, 'index.json'), 'utf8')).toBe(before);
  });

  it('tells what is known of each', async () => {
    await command.run(await write('resnet50.a1_in1k', { license: 'mit', source: 'somebody' }), '--to', 'int8');
    expect(catalogue()).toEqual({
      version: 1,
      default: 'resnet50.a1_in1k',
      backbones: [
        {
          folder: 'resnet50.a1_in1k',
          name: 'resnet50.a1_in1k',
          architecture: 'mobilenetv2_100',
          label: 'MobileNetV2 1.0',
          bytes: 'weights of resnet50.a1_in1k'.length,
          inputSize: 224,
          features: 1280,
          parameters: 2223872,
          top1: 81.214,
          top1Size: 288,
          license: 'mit',
          source: 'somebody',
        },
      ],
    });
    expect(await command.run('--list')).toBe(
      'resnet50.a1_in1k (default)  MobileNetV2 1.0, 224 px, 1280 features, 27 bytes, top-1 81.2 % at 288 px, mit',
    );
    expect(publishedTop1('constructor')).toEqual({ top1: null, top1Size: null });
  });

  it('loses one that is taken away, and never the one that is used unasked', async () => {
    for (const name of ['first', 'second']) await command.run(await write(name));
    expect(await command.problem('--remove', 'first')).toContain('so it stays');
    expect(await command.problem('--remove', '../../..')).toContain('There is no backbone');
    expect(await command.run('--remove', 'second')).toContain('second is gone.');
    expect(folders()).toEqual(['first']);
    expect(readdirSync(command.into).toSorted()).toEqual(['first', 'index.json']);
  });
});

describe('a backbone of this disk', () => {
  it('is taken as it is, with the licence that its card or its README states', async () => {
    await command.run(await write('a', { license: 'mit', source: 'my own' }, '---\nlicense: gpl-3.0\n---'));
    expect(card('a')).toEqual({ architecture: 'resnet18', name: 'a', license: 'mit', source: 'my own' });
    await command.run(await write('b', {}, '---\nlicense: gpl-3.0\n---'));
    // Where it lay is not told to the visitors of the site.
    expect(card('b')).toMatchObject({ license: 'gpl-3.0', source: 'a local file, b' });
    await command.run(await write('c'));
    expect(card('c')).toMatchObject({ license: 'unknown' });
    expect(command.said.join()).toContain('c states no licence');
  });

  it('is found by the file too, alone or with its card', async () => {
    await write('whole');
    await command.run('whole/model.safetensors');
    expect(command.converted).toEqual([[join(command.folder, 'whole'), 'f16']]);
    await writeFile(join(command.folder, 'resnet18-f37072fd.safetensors'), 'weights');
    // Copied where it should be converted, it has no card.
    await expect(command.run('resnet18-f37072fd.safetensors')).rejects.toThrow();
    expect(command.converted[1]).toEqual([join(command.folder, 'resnet18-f37072fd.safetensors'), 'f16']);
    await mkdir(join(command.folder, 'empty'));
    expect(await command.problem('empty')).toMatch(/empty holds no model\.safetensors\.$/);
  });

  it('leaves nothing half-made behind, and what was there before', async () => {
    const folder = await write('mine');
    await command.run(folder);
    const before = readFileSync(join(command.into, 'mine/config.json'), 'utf8');
    command.refusal = 'the backbone lacks the tensor “conv1.weight”';
    expect(await command.problem(folder, '--to', 'int8')).toBe(command.refusal);
    expect(await command.problem(await write('other'))).toBe(command.refusal);
    expect(readdirSync(command.into).toSorted()).toEqual(['index.json', 'mine']);
    expect(readFileSync(join(command.into, 'mine/config.json'), 'utf8')).toBe(before);
    expect(folders()).toEqual(['mine']);
  });

  it('does not push another out of its place', async () => {
    await command.run(await write('mine', { source: 'somebody' }));
    const other = await write('elsewhere/mine', { source: 'somebody else' });
    expect(await command.problem(other)).toMatch(/mine is there already, from somebody: choose another name with --name\.$/);
    await command.run(other, '--name', 'theirs');
    expect(folders()).toEqual(['mine', 'theirs']);
    expect(card('theirs').name).toBe('mine');
    for (const name of ['..', '.hidden', 'a/b', 'a b', '']) {
      expect(await command.problem(other, '--name', name), name).toContain('cannot be a folder of the site');
    }
  });

  it('goes where it is told', async () => {
    const done = await command.run(await write('mine'), '--into', 'dist/backbones');
    expect(existsSync(join(command.folder, 'dist/backbones/mine/config.json'))).toBe(true);
    expect(existsSync(command.into)).toBe(false);
    expect(done).not.toContain('./build.sh build');
  });
});

describe('the words of the command', () => {
  it.each([
    ['timm/resnet18.a1_in1k', 'timm/resnet18.a1_in1k', 'main'],
    ['timm/resnet18.a1_in1k@refs/pr/3', 'timm/resnet18.a1_in1k', 'refs/pr/3'],
    ['hf-hub:timm/vgg16.tv_in1k', 'timm/vgg16.tv_in1k', 'main'],
    ['https://huggingface.co/timm/vgg16.tv_in1k/', 'timm/vgg16.tv_in1k', 'main'],
    ['https://hub.example/timm/vgg16.tv_in1k/tree/abc123', 'timm/vgg16.tv_in1k', 'abc123'],
  ])('%s', async (text, repository, revision) => {
    const reference = await parseReference(text, command.folder, 'https://hub.example');
    expect(reference).toEqual({ kind: 'hub', repository, revision });
  });

  it('what lies on the disk goes first', async () => {
    await write('timm/resnet18');
    const reference = await parseReference('timm/resnet18', command.folder, 'https://hub.example');
    expect(reference).toEqual({ kind: 'local', path: join(command.folder, 'timm/resnet18') });
  });

  it.each(['resnet18', './timm/resnet18', '/timm/resnet18', 'a/b/c', 'https://elsewhere.example/a/b', 'a\\b', '../a'])('not %s', async (text) => {
    expect(await command.problem(text)).toMatch(/is neither a folder or file here nor OWNER\/NAME on the hub/);
  });

  it('names what it does not understand', async () => {
    expect(await command.problem('a/b', '--to', 'int4')).toBe('--to is one of f32, f16, int8, not “int4”.');
    expect(await command.problem('--bogus')).toMatch(/--bogus.*\n.*build\.sh backbone/s);
    expect(await command.problem('a/b', '--list')).toMatch(/^One thing at a time/);
    expect(await command.run()).toMatch(/^\.\/build\.sh backbone OWNER\/NAME/);
  });

  it('shows how far a download is', () => {
    expect(progressLine('a', 50, 200, 50, 0.5)).toBe('a: 25 % of 200 bytes');
    // Half of it was there before: the rate is of what came.
    expect(progressLine('a', 6e6, 14.2e6, 1e6, 10)).toBe('a: 42 % of 14.2 MB, 100.0 kB/s, 1 min 22 s left');
    expect(progressLine('a', 6e6, null, 6e6, 2)).toBe('a: 6.0 MB, 3.0 MB/s');
    let [now, shown] = [0, ''];
    const progress = new Progress({ isTTY: true, write: (text) => (shown += text) }, () => now);
    for (now = 0; now <= 4000; now += 20) progress.show('a', now, 4000);
    progress.say('done');
    expect(shown.split('\r').length).toBeLessThan(50);
    expect(shown).toMatch(/50 % of 4\.0 kB, 1\.0 kB\/s, 2 s left/);
    expect(shown).toMatch(/\r\x1b\[Kdone\n$/);
    shown = '';
    const quiet = new Progress({ write: (text) => (shown += text) });
    quiet.show('a', 1, 2);
    expect(shown).toBe('');
  });

  it('runs in Node.js as one file', async () => {
    const root = join(command.folder, 'project');
    const out = join(command.folder, 'elsewhere');
    const vite = join(WWW, 'node_modules/.bin/vite');
    const options = { encoding: 'utf8', cwd: command.folder, env: { ...process.env, HEADSTART_ROOT: root } } as const;
    const built = spawnSync(vite, ['build', '--config', join(WWW, 'tools/vite.config.ts'), '--outDir', out, '--logLevel', 'warn'], options);
    expect(built.status, built.stderr).toBe(0);
    await cp(SERVED, join(root, 'www/public/backbones'), { recursive: true });
    const listed = spawnSync(process.execPath, [join(out, 'backbone.mjs'), '--list'], options);
    expect(listed.stdout).toContain('(default)');
    await rm(root, { recursive: true });
    const refused = spawnSync(process.execPath, [join(out, 'backbone.mjs'), 'nothing'], options);
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/^“nothing” is neither a folder.*\n$/);
  });
});
