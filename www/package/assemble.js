/** Puts what the package has beside its modules (`rolldown.config.js`) into its folder: wasm code, the default backbone, examples, papers. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const www = join(import.meta.dirname, '..');
const out = join(www, '../target/package');
const copy = (from, to) => cpSync(join(www, from), join(out, to), { recursive: true });
const json = (file) => JSON.parse(readFileSync(join(www, file), 'utf8'));
const write = (file, value) => writeFileSync(join(out, file), `${JSON.stringify(value, null, 2)}\n`);

// The one that the code names. A checkout may have others, and another default.
const folder = 'mobilenet-v2-0.75-128';

// What the modules name has to be what lies beside them, and nothing else: who only predicts is to serve and fetch no more than that takes.
const NAMES = {
  'headstart.js': [`backbones/${folder}/model.safetensors`, 'worker.js'],
  'worker.js': ['headstart-cpu-relaxed.wasm', 'headstart-cpu.wasm', 'headstart-predict-relaxed.wasm', 'headstart-predict.wasm', 'headstart.wasm'],
  'predict.js': ['predict-worker.js'],
  'predict-worker.js': ['headstart-predict-relaxed.wasm', 'headstart-predict.wasm'],
};
for (const [module, expected] of Object.entries(NAMES)) {
  const code = readFileSync(join(out, module), 'utf8');
  const named = [...new Set([...code.matchAll(/new URL\([`'"]\.\/([^`'"]+)/g)].map(([, name]) => name))].sort();
  if (String(named) !== String(expected)) throw new Error(`${module} names ${named.join(', ') || 'nothing'} instead of ${expected.join(', ')}`);
}

copy('pkg/headstart_bg.wasm', 'headstart.wasm');
copy('pkg/cpu/headstart_bg.wasm', 'headstart-cpu.wasm');
copy('pkg/predict/headstart_bg.wasm', 'headstart-predict.wasm');
for (const name of ['cpu', 'predict']) copy(`pkg/${name}/relaxed/headstart_bg.wasm`, `headstart-${name}-relaxed.wasm`);
// What a page of its own is made of.
copy('../dist/player', 'player');
copy('package/README.md', 'README.md');
copy('package/examples', 'examples');
for (const file of ['LICENSE-APACHE', 'LICENSE-MIT']) copy(`../${file}`, file);

const index = json('public/backbones/index.json');
const backbones = index.backbones.filter((each) => each.folder === folder);
if (backbones.length !== 1) throw new Error(`public/backbones/index.json names ${folder} ${backbones.length} times`);
copy(`public/backbones/${folder}`, `backbones/${folder}`);
write('backbones/index.json', { ...index, default: folder, backbones });

const { version } = json('package.json');
write('package.json', { version, ...json('package/package.json') });
