import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The native program, where `cargo test` or `cargo build` has made it; undefined where there is none. */
export const PROGRAM = ['debug/headstart', 'release/headstart']
  .map((path) => resolve(ROOT, process.env['CARGO_TARGET_DIR'] ?? 'target', path))
  .find((path) => existsSync(path));

/** What a command left behind. */
export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; this process goes on meanwhile. */
export function runProgram(command: string, args: string[], env: { [name: string]: string } = {}, cwd = ROOT): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part) => (stdout += part));
    child.stderr.on('data', (part) => (stderr += part));
    child.on('error', fail);
    child.on('close', (status) => done({ status, stdout, stderr }));
  });
}

/**
 * Runs `./build.sh` as a person would, but with a cargo that starts the program that is built already: a release build takes minutes.
 * `folder` is where that cargo and the cache of downloads go.
 */
export async function runBuildScript(folder: string, args: string[], env: { [name: string]: string }): Promise<Ended> {
  const tools = join(folder, 'tools');
  await mkdir(tools, { recursive: true });
  const cargo = join(tools, 'cargo');
  await writeFile(cargo, `#!/usr/bin/env bash\n[ "$1" = run ] || exit 0\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "${PROGRAM}" "$@"\n`);
  await chmod(cargo, 0o755);
  const path = `${tools}:${process.env['PATH']}`;
  return runProgram(join(ROOT, 'build.sh'), ['backbone', ...args], { ...env, PATH: path, XDG_CACHE_HOME: join(folder, 'cache') });
}
