/**
 * Makes the package's modules, `headstart.js` and `predict.js`, and a worker for each, a file each. They name what lies beside them (the
 * worker, its wasm code, the weights of the default backbone) in the form that browsers understand as it is and that Vite and webpack look
 * for: `new URL('./name', import.meta.url)`.
 */
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

const www = join(import.meta.dirname, '..');
const out = join(www, '../target/package');

/** What is called otherwise in the package than in the sources: by file, a text that has to be there and what takes its place. */
const NAMES = {
  'client/worker-file.ts': ['../worker/index.ts', './worker.js'],
  'client/predict-worker-file.ts': ['../worker/predict.ts', './predict-worker.js'],
  'pkg/headstart.js': ['headstart_bg.wasm', './headstart.wasm'],
  'pkg/cpu/headstart.js': ['headstart_bg.wasm', './headstart-cpu.wasm'],
  'pkg/predict/headstart.js': ['headstart_bg.wasm', './headstart-predict.wasm'],
  'worker/core.ts': ['../pkg/cpu/relaxed/headstart_bg.wasm', './headstart-cpu-relaxed.wasm'],
  'worker/predictor.ts': ['../pkg/predict/relaxed/headstart_bg.wasm', './headstart-predict-relaxed.wasm'],
};

const names = {
  name: 'names-of-the-package',
  transform(code, id) {
    const change = NAMES[id.slice(www.length + 1)];
    if (!change) return null;
    const parts = code.split(change[0]);
    if (parts.length !== 2) this.error(`${id} names ${change[0]} ${parts.length - 1} times`);
    return parts.join(change[1]);
  },
};

const packaged = {
  name: 'default-backbone-of-the-package',
  resolveId: (id) => (id === './default-backbone.js' ? join(www, 'package/default-backbone.ts') : null),
};

const module = (input, file) =>
  defineConfig({
    input: join(www, input),
    // One file: Vite makes workers of a form that cannot be split, unless it is told otherwise.
    output: { file: join(out, file), format: 'es', minify: true, codeSplitting: false },
    transform: { target: 'es2022', define: { 'import.meta.env.BASE_URL': '"./"' } },
    plugins: [names, packaged],
  });

export default [
  module('headstart.ts', 'headstart.js'),
  module('worker/index.ts', 'worker.js'),
  module('predict.ts', 'predict.js'),
  module('worker/predict.ts', 'predict-worker.js'),
];
