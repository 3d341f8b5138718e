/** Puts what the package has beside its modules (`rolldown.config.js`) into its folder: wasm code, the default backbone, examples, papers. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const www = join(import.meta.dirname, '..');
const out = join(www, '../target/package');
const copy = (from, to) => cpSync(join(www, from), join(out, to), { recursive: true });
const json = (file) => JSON.parse(readFileSync(join(www, file), 'utf8'));
const write = (file, value) => writeFileSync(join(out, file), `${JSON.stringify(value, null, 2)}\n`);

// What the modules name has to be what lies beside them.
for (const [module, names] of [['headstart.js', ['./worker.js']], ['worker.js', ['./headstart.wasm', './headstart-cpu.wasm', './headstart-predict.wasm']]]) {
  const code = readFileSync(join(out, module), 'utf8');
  for (const name of names) if (!code.includes(name)) throw new Error(`${module} does not name ${name}`);
}

copy('pkg/headstart_bg.wasm', 'headstart.wasm');
copy('pkg/cpu/headstart_bg.wasm', 'headstart-cpu.wasm');
copy('pkg/predict/headstart_bg.wasm', 'headstart-predict.wasm');
// What a page of its own is made of.
copy('../dist/player', 'player');
copy('package/README.md', 'README.md');
copy('package/examples', 'examples');
for (const file of ['LICENSE-APACHE', 'LICENSE-MIT']) copy(`../${file}`, file);

// The one that the code names. A checkout may have others, and another default.
const folder = 'mobilenet-v2-0.75-128';
const index = json('public/backbones/index.json');
const backbones = index.backbones.filter((each) => each.folder === folder);
if (backbones.length !== 1) throw new Error(`public/backbones/index.json names ${folder} ${backbones.length} times`);
copy(`public/backbones/${folder}`, `backbones/${folder}`);
write('backbones/index.json', { ...index, default: folder, backbones });

const { version } = json('package.json');
write('package.json', { version, ...json('package/package.json') });
