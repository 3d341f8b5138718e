/** Builds the page of its own: a folder that, with a `model.zip` in it, is a whole site. */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const folder = import.meta.dirname;

/** Lists what was built, for whoever makes a site of it. The predictor's own package is a fifth of the others: a larger one got in by mistake. */
const list: Plugin = {
  name: 'list-of-files',
  writeBundle({ dir = '' }) {
    const names = readdirSync(dir).filter((name) => name !== 'files.json');
    const largest = Math.max(...names.map((name) => statSync(join(dir, name)).size));
    if (largest > 2e6) this.error(`a file of ${largest} bytes is more than a page that only predicts needs`);
    writeFileSync(join(dir, 'files.json'), JSON.stringify(names));
  },
};

export default defineConfig({
  root: folder,
  plugins: [list],
  // As on the main page: any folder of any host, and a missing file is a 404.
  base: './',
  appType: 'mpa',
  build: {
    outDir: '../../dist/player',
    // Nothing else is in there.
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { player: `${folder}/index.html`, sw: `${folder}/sw.ts` },
      // Whoever makes a site of it has to know the names, and so has the service worker.
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js', assetFileNames: '[name][extname]' },
    },
  },
  worker: {
    format: 'es',
    rolldownOptions: { output: { entryFileNames: 'worker.js', assetFileNames: '[name][extname]' } },
  },
});
