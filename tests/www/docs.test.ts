/** The documentation as a site (`./build.sh docs`): TypeDoc has nothing to complain of, and all that a page asks for lies beside it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const DOCS = join(import.meta.dirname, '../../www/docs');
const TYPEDOC = join(DOCS, 'node_modules/typedoc/bin/typedoc');

// Its packages are its own: nobody else needs them.
describe.skipIf(!existsSync(TYPEDOC))('the documentation', () => {
  let out: string;
  let said: string;
  const pages = () => readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  const text = (name: string) => readFileSync(join(out, name), 'utf8');

  beforeAll(() => {
    out = mkdtempSync(join(tmpdir(), 'headstart-docs-'));
    const { status, stdout, stderr } = spawnSync(process.execPath, [TYPEDOC, '--out', out], { cwd: DOCS, encoding: 'utf8' });
    said = `${stdout}${stderr}`;
    if (status !== 0) throw new Error(said);
  }, 60_000);
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it('is made without a warning, of both modules and their pages', () => {
    expect(said).not.toMatch(/warning/);
    const names = ['index.html', 'classes/Trainer.html', 'modules/predict.html', 'classes/predict.Classifier.html', 'documents/Getting_started.html', 'documents/Exports.html', 'documents/File_formats.html'];
    for (const name of names) expect(pages().map((page) => page.split('headstart.').join('')), name).toContain(name);
    expect(existsSync(join(out, 'assets/search.js'))).toBe(true);
  });

  it('asks no other origin for anything', () => {
    const foreign = /<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(?:https?:)?\/\/[^"]*"/g;
    expect(pages().flatMap((page) => text(page).match(foreign) ?? [])).toEqual([]);
    const assets = readdirSync(join(out, 'assets'));
    expect(assets.filter((name) => /@import|url\(\s*["']?(https?:)?\/\//.test(text(`assets/${name}`)))).toEqual([]);
    expect(assets.filter((name) => /(fetch|import|importScripts)\(\s*["'`](https?:)?\/\//.test(text(`assets/${name}`)))).toEqual([]);
  });

  it('has only links that lead somewhere, all of them relative', () => {
    const dead = pages().flatMap((page) =>
      [...text(page).matchAll(/\s(?:href|src)="([^"]*)"/g)].flatMap(([, address = '']) => {
        if (/^(https?|data|mailto):/.test(address)) return [];
        const [path = '', fragment] = address.split('#');
        const file = path === '' ? join(out, page) : resolve(out, page, '..', decodeURI(path));
        const isThere = !address.startsWith('/') && existsSync(file);
        const isIn = !fragment || !file.endsWith('.html') || (isThere && readFileSync(file, 'utf8').includes(`id="${fragment}"`));
        return isThere && isIn ? [] : [`${page}: ${address}`];
      }),
    );
    expect(dead).toEqual([]);
  });
});
