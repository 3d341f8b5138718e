import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ending } from '../../www/tools/backbone/command.js';
import { Command } from './support/backbone-command.js';
import { StandInHub, TOKEN, type Repository } from './support/hub.js';

const NAME = 'timm/mobilenetv2_100.ra_in1k';
const CONFIG = JSON.stringify({ architecture: 'mobilenetv2_100', num_features: 1280, pretrained_cfg: { input_size: [3, 224, 224] } });
// Long enough to come in several parts.
const WEIGHTS = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));

let hub: StandInHub;
let command: Command;
let repository: Repository;
beforeEach(async () => {
  hub = await StandInHub.open();
  command = await Command.open(hub.url);
  hub.arrived = () => command.progress.at(-1)?.[1] ?? 0;
  repository = hub.add(NAME, { 'config.json': CONFIG, 'model.safetensors': WEIGHTS });
});
afterEach(async () => {
  await hub.close();
  await command.close();
});

const installed = (file: string) => readFileSync(join(command.into, 'mobilenetv2_100.ra_in1k', file));
const cached = (file: string) => join(command.cached(NAME, repository.commit), file);
/** Requests for the contents of the weights. */
const parts = () => hub.seen.filter(({ at }) => at === 'store');

/** Nothing of a backbone that failed is left in the site. */
function expectNothingInstalled(): void {
  expect(existsSync(command.into) ? readdirSync(command.into) : []).toEqual([]);
}

describe('a download from the hub', () => {
  it('brings both files, checked, and says where they are from', async () => {
    const done = await command.run(NAME, '--to', 'int8');
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
    const source = `${hub.url}/${NAME}/tree/${repository.commit}`;
    expect(JSON.parse(installed('config.json').toString())).toEqual({
      ...JSON.parse(CONFIG),
      name: 'mobilenetv2_100.ra_in1k',
      license: 'apache-2.0',
      source,
    });
    expect(command.converted).toEqual([[command.cached(NAME, repository.commit), 'int8']]);
    expect(done).toContain('www/public/backbones/mobilenetv2_100.ra_in1k: MobileNetV2 1.0, 224 px');
    expect(done).toContain('./build.sh build');
    expect(command.said).toContain('Note: it was only copied');
    expect(command.progress.at(-1)).toEqual(['model.safetensors', WEIGHTS.length, WEIGHTS.length]);
    expect(hub.sent).toBe(WEIGHTS.length);
  });

  it('sends the token to the hub and to nobody that the hub sends it to', async () => {
    repository.access = 'gated';
    command.env = { ...command.env, HF_TOKEN: TOKEN };
    await command.run(NAME);
    expect(parts().map(({ authorization }) => authorization)).toEqual([undefined]);
    const asked = hub.seen.filter(({ at }) => at === 'hub');
    expect(asked.length).toBeGreaterThan(3);
    expect(asked.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
  });

  it('takes every file from the commit that the first one was of', async () => {
    await command.run(NAME);
    const paths = hub.seen.filter(({ path }) => path.includes('model.safetensors') || path.startsWith('/api/models/')).map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(2);
    expect(paths.every((path) => path.includes(repository.commit))).toBe(true);
  });

  it('takes the revision that is asked for', async () => {
    await command.run(`${NAME}@${repository.commit}`);
    expect(hub.seen.some(({ path }) => path.includes('/main/'))).toBe(false);
    expect(await command.problem(`${NAME}@v2`)).toBe(`${NAME} has no revision “v2”.`);
    expect(await command.problem(`${NAME}@refs/pr/1`)).toBe(`${NAME} has no revision “refs/pr/1”.`);
  });

  it('does not come a second time', async () => {
    await command.run(NAME);
    await command.run(NAME, '--to', 'int8', '--name', 'small');
    expect(parts()).toHaveLength(1);
    // Unless what is kept has been touched.
    await writeFile(cached('model.safetensors'), Buffer.alloc(WEIGHTS.length));
    await command.run(NAME, '--name', 'again');
    expect(parts()).toHaveLength(2);
    expect(readFileSync(join(command.into, 'again/model.safetensors')).equals(WEIGHTS)).toBe(true);
  });
});

describe('a connection that is cut', () => {
  it('goes on where it was, however often', async () => {
    hub.faults.push(...[30_000, 20_000, 10_000, 10_000, 10_000, 10_000].map((after) => ({ kind: 'cut', after }) as const));
    await command.run(NAME);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
    expect(hub.sent).toBe(WEIGHTS.length);
    const ranges = ['bytes=30000-', 'bytes=50000-', 'bytes=60000-', 'bytes=70000-', 'bytes=80000-', 'bytes=90000-'];
    expect(parts().map(({ range }) => range)).toEqual([undefined, ...ranges]);
    expect(parts()[1]!.ifRange).toMatch(/^".+"$/);
    // Something came each time, so it was never worth a longer wait.
    expect(new Set(command.waits)).toEqual(new Set([1000]));
    expect(command.said.filter((line) => line.includes('cut'))).toHaveLength(6);
  });

  it('is told where nothing more comes, and the next run goes on', async () => {
    hub.faults.push({ kind: 'cut', after: 120_000 }, ...Array.from({ length: 5 }, () => ({ kind: 'status', status: 503 }) as const));
    expect(await command.problem(NAME)).toMatch(/answers 503, 5 times in a row\. What came is kept/);
    expect(command.waits).toEqual([1000, 1000, 2000, 4000, 8000]);
    expectNothingInstalled();
    hub.seen.length = 0;
    await command.run(NAME);
    expect(parts().map(({ range, ifRange }) => [range, ifRange])).toEqual([['bytes=120000-', undefined]]);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
    expect(hub.sent).toBe(WEIGHTS.length);
  });

  it('is kept where the person stops it', async () => {
    hub.faults.push({ kind: 'silent', after: 50_000 });
    const stop = new AbortController();
    command.signal = stop.signal;
    const running = command.run(NAME).catch((error: unknown) => ending(error, stop.signal));
    await expect.poll(() => hub.arrived()).toBe(50_000);
    stop.abort();
    expect(await running).toEqual({ line: 'Stopped. What was downloaded is kept for the next time.', status: 130 });
    expectNothingInstalled();
    command.signal = undefined;
    await command.run(NAME);
    expect(hub.sent).toBe(WEIGHTS.length);
  });

  it('starts again where the server knows no ranges', async () => {
    hub.knowsRanges = false;
    hub.faults.push({ kind: 'cut', after: 150_000 });
    await command.run(NAME);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
    expect(hub.sent).toBe(150_000 + WEIGHTS.length);
  });

  it('ends where a server that knows no ranges never gets further', async () => {
    hub.knowsRanges = false;
    hub.faults.push(...Array.from({ length: 9 }, () => ({ kind: 'cut', after: 1000 }) as const));
    expect(await command.problem(NAME)).toContain('times in a row');
  });

  it('is given up and made anew where nothing comes', async () => {
    hub.faults.push({ kind: 'silent', after: 50_000 });
    await command.run(NAME);
    expect(parts().map(({ range }) => range)).toEqual([undefined, 'bytes=50000-']);
    expect(command.said.join()).toContain('Nothing came for 0.3 s');
  });

  it('starts again where the rest comes from another place', async () => {
    hub.faults.push({ kind: 'cut', after: 50_000 }, { kind: 'elsewhere' });
    await command.run(NAME);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
  });

  it('asks the hub for a new address where the old one is good no longer', async () => {
    hub.faults.push({ kind: 'cut', after: 50_000 }, { kind: 'status', status: 403 });
    await command.run(NAME);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
  });
});

describe('contents that are not what the hub names', () => {
  it('are thrown away: a large file', async () => {
    hub.wrongHashes.set('model.safetensors', 'a'.repeat(64));
    expect(await command.problem(NAME)).toMatch(/^model\.safetensors came with other contents than the hub names \(its hash is wrong\)/);
    expect(readdirSync(command.cached(NAME, repository.commit))).toEqual(['config.json']);
    expectNothingInstalled();
  });

  it('are thrown away: a small file', async () => {
    hub.wrongHashes.set('config.json', 'b'.repeat(40));
    expect(await command.problem(NAME)).toMatch(/^config\.json came with other contents/);
    expect(parts()).toEqual([]);
  });

  it('are thrown away: more than was named', async () => {
    hub.faults.push({ kind: 'endless', more: 10 });
    expect(await command.problem(NAME)).toMatch(/^model\.safetensors came with other contents/);
  });

  it('come again from the start where the first half was of something else', async () => {
    await mkdir(command.cached(NAME, repository.commit), { recursive: true });
    await writeFile(cached('model.safetensors.part'), Buffer.alloc(70_000, 1));
    await command.run(NAME);
    expect(parts().map(({ range }) => range)).toEqual(['bytes=70000-', undefined]);
    expect(installed('model.safetensors').equals(WEIGHTS)).toBe(true);
  });

  it('are checked by their size alone, and that is said, where no hash is named', async () => {
    hub.wrongHashes.set('model.safetensors', 'not-a-hash');
    await command.run(NAME);
    expect(command.said.join('\n')).toContain('names no hash of model.safetensors');
    hub.faults.push({ kind: 'endless', more: 10 });
    expect(await command.problem(NAME, '--name', 'again')).toContain('came with other contents');
  });
});

describe('what the hub does not give', () => {
  it.each<[string, string, Partial<Repository>, { [name: string]: string }, RegExp]>([
    ['a repository that is not there', 'timm/nothing', {}, {}, /^There is no timm\/nothing at .*, or it is private: then set HF_TOKEN\.$/],
    ['one that is private', NAME, { access: 'private' }, { HF_TOKEN: 'hf_other' }, /or it is private, and HF_TOKEN does not open it\.$/],
    ['one that is gated', NAME, { access: 'gated' }, {}, /is gated: .*Accept their terms at .*\/timm\/mobilenetv2_100\.ra_in1k, make a token/],
    ['one whose gate is shut', NAME, { access: 'gated' }, { HF_TOKEN: 'hf_other' }, /is gated, and the account of HF_TOKEN has no access yet/],
    ['anything for a token that is none', NAME, {}, { HF_TOKEN: 'password' }, /does not accept HF_TOKEN/],
    ['weights that are pickled', NAME, { files: new Map([['pytorch_model.bin', WEIGHTS]]) }, {}, /no model\.safetensors: its weights are a pickle/],
    ['weights in parts', NAME, { files: new Map([['model.safetensors.index.json', WEIGHTS]]) }, {}, /its weights are in several files/],
    ['weights that are not there', NAME, { files: new Map([['README.md', WEIGHTS]]) }, {}, /so it is no model that can be read here/],
  ])('%s', async (_, name, changes, env, problem) => {
    Object.assign(repository, changes);
    command.env = { ...command.env, ...env };
    expect(await command.problem(name)).toMatch(problem);
    expectNothingInstalled();
  });

  it('nothing, for there is no network', async () => {
    await hub.close();
    expect(await command.problem(NAME)).toMatch(/^127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\)\. Is there a network\?/);
    hub = await StandInHub.open();
    // A port that nobody may ask.
    command.env = { ...command.env, HF_ENDPOINT: 'http://127.0.0.1:9' };
    expect(await command.problem(NAME)).toMatch(/^127\.0\.0\.1:9 cannot be reached \(Error: bad port\)\. Is there a network\?/);
    command.env = { ...command.env, HF_ENDPOINT: 'hub.example' };
    expect(await command.problem(NAME)).toBe('HF_ENDPOINT is no address such as https://huggingface.co: “hub.example”.');
  });

  it('more than there is room for', async () => {
    command.room = 120_000;
    expect(await command.problem(NAME)).toMatch(/^There is no room for model\.safetensors, which has 200\.0 kB: 120\.0 kB are free where .* is\.$/);
    expect(parts()).toEqual([]);
  });

  it('a config, which is no hindrance', async () => {
    repository.files.delete('config.json');
    // Nothing to copy a card from: the real program writes one.
    await expect(command.run(NAME)).rejects.toThrow();
    expect(command.converted).toEqual([[cached('model.safetensors'), 'f16']]);
    expectNothingInstalled();
  });
});

describe('the licence', () => {
  const readme = (matter: string) => `---\n${matter}\n---\n# Model card\nlicense: of no matter\n`;

  it.each<[string, unknown, string | null, string]>([
    ['the API’s answer', { license: 'mit' }, null, 'mit'],
    ['the name of another one', { license: 'other', license_name: 'apple-ascl' }, null, 'apple-ascl'],
    ['several', { license: ['mit', 'apache-2.0'] }, null, 'mit or apache-2.0'],
    ['the README, where there is no API', null, readme('tags:\n- timm\nlicense: apache-2.0'), 'apache-2.0'],
    ['a quoted one', null, readme('license: "cc-by-nc-4.0" # no money'), 'cc-by-nc-4.0'],
    ['a list', null, readme('license:\n- bsd-3-clause\ntags: []'), 'bsd-3-clause'],
    ['a README without front matter', null, '# Model\nlicense: mit\n', 'unknown'],
    ['nothing at all', {}, null, 'unknown'],
  ])('comes from %s', async (_, cardData, text, expected) => {
    Object.assign(repository, { cardData });
    if (text !== null) repository.files.set('README.md', Buffer.from(text));
    await command.run(NAME);
    expect(JSON.parse(installed('config.json').toString()).license).toBe(expected);
    expect(command.said.some((line) => line.includes('states no licence'))).toBe(expected === 'unknown');
  });
});
