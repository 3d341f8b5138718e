/**
 * Builds `bench.html` of the site, which uses the site's `headstart.js` as any page does. Not together with the main page: what the two share
 * would become a file of its own, which the main page would wait for; and after the service worker, which keeps nothing of this.
 */
import { defineConfig } from 'vite';

const folder = import.meta.dirname;

export default defineConfig({
  root: folder,
  base: './',
  build: {
    outDir: '../../dist',
    emptyOutDir: false,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { bench: `${folder}/bench.html` } },
  },
});
