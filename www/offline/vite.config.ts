/** Builds the service worker of the site, a file of its own, with the list of what the page is made of in `dist`. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import type { Built } from './versions.js';

const folder = import.meta.dirname;
const dist = `${folder}/../../dist`;
const PLACE = /(["'`])what the build made\1/;

/** The page and whatever it names, and so on: other builds have files of their own beside these. */
function built(): Built {
  const read = (path: string): string => readFileSync(`${dist}/${path}`, 'utf8');
  const modules = readdirSync(dist).filter((name) => name.startsWith('headstart-'));
  const all = [...modules, ...readdirSync(`${dist}/assets`).map((name) => `assets/${name}`)].sort();
  const namedIn = (text: string): string[] => all.filter((path) => text.includes(basename(path)));
  const page = read('index.html');
  const files = new Set(namedIn(page));
  // A set gives what is added to it meanwhile, too.
  for (const path of files) if (/\.(js|css)$/.test(path)) for (const each of namedIn(read(path))) files.add(each);
  const found = [...files].sort();
  return {
    version: createHash('sha256').update(page).update(found.join('\n')).digest('hex').slice(0, 16),
    always: found.filter((path) => !path.endsWith('.wasm')),
    some: found.filter((path) => path.endsWith('.wasm')),
    named: namedIn(page),
  };
}

const list: Plugin = {
  name: 'list-of-files',
  renderChunk(code) {
    if (!PLACE.test(code)) this.error('the service worker has no place for the list of files');
    return code.replace(PLACE, () => JSON.stringify(JSON.stringify(built())));
  },
};

export default defineConfig({
  root: folder,
  plugins: [list],
  publicDir: false,
  build: {
    outDir: dist,
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: `${folder}/sw.ts`, output: { entryFileNames: 'sw.js' } },
  },
});
