/**
 * Builds `predict.js` of the site, with a worker of its own. Not together with the page: what the two share would become a file of its own in
 * `assets`, and a module finds its backbones beside itself.
 */
import { defineConfig } from 'vite';
import { assetName } from './tools/site-files.js';

const folder = import.meta.dirname;

export default defineConfig({
  root: folder,
  base: './',
  // Already there, of the site.
  publicDir: false,
  build: {
    outDir: '../dist',
    emptyOutDir: false,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { predict: `${folder}/predict.ts` },
      preserveEntrySignatures: 'strict',
      output: { entryFileNames: '[name].js' },
    },
  },
  worker: {
    format: 'es',
    rolldownOptions: { output: { entryFileNames: 'assets/predict-worker-[hash].js', assetFileNames: assetName } },
  },
});
