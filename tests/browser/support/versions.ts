import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DIST } from './server.js';

/** A copy of the built site that can be changed, and removed by whoever asked for it. */
export function copyOfSite(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headstart-site-'));
  cpSync(DIST, folder, { recursive: true });
  return folder;
}

/** Names of files in `assets`, by the beginnings of their names. */
export function assets(folder: string, beginning: RegExp): string[] {
  return readdirSync(join(folder, 'assets')).filter((name) => beginning.test(name));
}

/**
 * Makes another version of a copy of the site, as a build would: the page's script, a part that is loaded late, the styles and the wasm code have
 * other names, and so has whatever names them; those before are gone. The page's script says on the page which version it is.
 */
export function newVersion(folder: string, name: string): void {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /^(assets\/[^/]*|headstart-[^/]*|index\.html|sw\.js)$/.test(path));
  const texts = new Map(paths.filter((path) => !path.endsWith('.wasm')).map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
  const renamed = new Set(paths.map((path) => basename(path)).filter((each) => /^(index-|AdvancedForm-|headstart-cpu)/.test(each)));
  for (let count = 0; count < renamed.size; ) {
    count = renamed.size;
    for (const [path, text] of texts) {
      if (/-[\w-]{8}\.js$/.test(path) && [...renamed].some((each) => text.includes(each))) renamed.add(basename(path));
    }
  }
  const after = (before: string): string => before.replace(/-[\w-]{8}(?=\.\w+$)/, `-${name.padEnd(8, '_')}`);
  for (const [path, text] of texts) {
    let changed = [...renamed].reduce((all, before) => all.split(before).join(after(before)), text);
    if (/^assets\/index-.*\.js$/.test(path)) changed += `\ndocument.documentElement.dataset['version'] = ${JSON.stringify(name)};\n`;
    if (path === 'sw.js') changed = changed.replace(/("version":")\w+/, `$1${name}`);
    writeFileSync(join(folder, path), changed);
  }
  for (const path of paths) if (renamed.has(basename(path))) renameSync(join(folder, path), join(folder, after(path)));
}
