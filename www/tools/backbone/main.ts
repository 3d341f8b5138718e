import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ending, run } from './command.js';
import { REAL } from './download.js';
import { cargoProgram } from './program.js';
import { Progress } from './progress.js';

// build.sh knows it. Where this file lies tells nothing: `target` may be a link to another disk.
const root = process.env['HEADSTART_ROOT'] ?? process.cwd();
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const progress = new Progress(process.stderr);
try {
  const done = await run(process.argv.slice(2), {
    env: process.env,
    cwd: process.cwd(),
    root,
    around: { ...REAL, progress: progress.show.bind(progress), say: progress.say.bind(progress) },
    program: cargoProgram(root, stop.signal),
    signal: stop.signal,
    isBuilt: existsSync(join(root, 'dist')),
  });
  console.log(done);
} catch (error) {
  const { line, status } = ending(error, stop.signal);
  progress.say(line);
  process.exitCode = status;
}
