import { defineConfig } from 'vite';
import { CONTENT_SECURITY_POLICY } from './security.js';
import { assetName, publicModule } from './tools/site-files.js';

const folder = import.meta.dirname;

export default defineConfig({
  root: folder,
  plugins: [publicModule()],
  // Relative addresses: the built site works from any folder of any host.
  base: './',
  // A missing file is a 404, never the page.
  appType: 'mpa',
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // Data URLs of workers and wasm are what the policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The wasm code is the size that it is; everything else is far below.
    chunkSizeWarningLimit: 300,
    rolldownOptions: {
      input: { index: `${folder}/index.html`, headstart: `${folder}/headstart.ts` },
      // The public module's file holds it whole, for the page too, and is no list of names in front of a file in `assets`: it finds the
      // backbones beside itself.
      preserveEntrySignatures: 'allow-extension',
      output: {
        entryFileNames: ({ name }) => (name === 'headstart' ? 'headstart-[hash].js' : 'assets/[name]-[hash].js'),
        chunkFileNames: 'assets/[name]-[hash].js',
        assetFileNames: assetName,
      },
    },
  },
  worker: {
    format: 'es',
    rolldownOptions: { output: { entryFileNames: 'assets/worker-[hash].js', assetFileNames: assetName } },
  },
  preview: {
    port: 8080,
    strictPort: true,
    headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY, 'X-Content-Type-Options': 'nosniff' },
  },
});
