import { defineConfig } from 'vitest/config';

const folder = import.meta.dirname;
const root = `${folder}/..`;

// The tests live outside the folder that holds the packages: tell them where those are.
const alias = {
  '@tensorflow': `${folder}/node_modules/@tensorflow`,
  fflate: `${folder}/node_modules/fflate/esm/index.mjs`,
  'onnxruntime-web': `${folder}/node_modules/onnxruntime-web/dist/ort.node.min.mjs`,
  'playwright-core': `${folder}/node_modules/playwright-core`,
  preact: `${folder}/node_modules/preact`,
  vite: `${folder}/node_modules/vite/dist/node/index.js`,
  vitest: `${folder}/node_modules/vitest`,
};

export default defineConfig({
  test: {
    projects: [
      {
        root,
        resolve: { alias },
        // The limit is for a machine that compiles something beside.
        test: { name: 'unit', environment: 'node', include: ['tests/www/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
      },
      {
        root,
        resolve: { alias },
        test: {
          name: 'browser',
          environment: 'node',
          include: ['tests/browser/**/*.test.ts'],
          // One browser at a time: training fills every core.
          fileParallelism: false,
          testTimeout: 120_000,
          // What is polled for is waited for, however busy the machine is.
          expect: { poll: { timeout: 30_000 } },
          hookTimeout: 120_000,
        },
      },
      {
        root,
        resolve: { alias },
        test: { name: 'bench', environment: 'node', include: ['tests/bench/**/*.test.ts'], fileParallelism: false },
      },
    ],
  },
});
