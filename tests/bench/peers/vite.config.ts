/**
 * Bundles the page of `./build.sh bench peers` as an app of each library would be, and `beside.js` for the site's `bench.html`; only this folder
 * has the libraries.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';
import { readNetwork } from './network.js';
import { writeOnnx } from './onnx.js';

const backbones = `${import.meta.dirname}/../../../www/public/backbones`;

/** The site's own backbone as the libraries take it, and what `bench.html` looks at to find all this. */
const besideTheSite: Plugin = {
  name: 'beside-the-site',
  async generateBundle() {
    const { default: backbone } = JSON.parse(readFileSync(`${backbones}/index.json`, 'utf8')) as { default: string };
    const file = (name: string): Buffer => readFileSync(`${backbones}/${backbone}/${name}`);
    const network = readNetwork(file('config.json'), file('model.safetensors'));
    const { numbers, ...description } = network;
    const emit = (fileName: string, source: string | Uint8Array): unknown => this.emitFile({ type: 'asset', fileName, source });
    emit('network/network.json', JSON.stringify(description));
    emit('network/numbers.bin', new Uint8Array(numbers.buffer));
    for (const batch of [1, 16]) emit(`network/batch-${batch}.onnx`, await writeOnnx(network, batch));
    emit('peers.json', JSON.stringify({ module: 'peers/beside.js', network: 'peers/network/', backbone }));
  },
};

export default {
  root: `${import.meta.dirname}/page`,
  base: './',
  plugins: [besideTheSite],
  build: {
    outDir: '../../../../target/bench/peers',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: { index: `${import.meta.dirname}/page/index.html`, first: `${import.meta.dirname}/page/first.html`, beside: `${import.meta.dirname}/page/beside.ts` },
      preserveEntrySignatures: 'allow-extension',
      output: { entryFileNames: ({ name }: { name: string }) => (name === 'beside' ? 'beside.js' : 'assets/[name]-[hash].js') },
    },
  },
};
