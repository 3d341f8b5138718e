import { spawn, type ChildProcess } from 'node:child_process';
import type { BackboneReport } from '../../generated/types.js';
import { errorCode, Problem } from './problem.js';

/** How weights are stored. */
export const FORMATS = ['f32', 'f16', 'int8'] as const;
export type Format = (typeof FORMATS)[number];

/** What the program finds in a backbone. */
export interface Details {
  architecture: string;
  label: string;
  inputSize: number;
  features: number;
  parameters: number;
}

/** What the native program does for this command. */
export interface Program {
  /** Checks a backbone and writes it as a folder. Gives what a person has to know of it. */
  convert(from: string, to: Format, out: string): Promise<string[]>;
  inspect(folder: string): Promise<Details>;
}

/** The native program, as `command` starts it in the folder `root`. */
export function nativeProgram(command: readonly [string, ...string[]], root: string, signal?: AbortSignal): Program {
  const run = (args: string[]) => output([...command, ...args] as [string, ...string[]], root, signal);
  return {
    async convert(from, to, out) {
      const { notes } = JSON.parse(await run(['convert', from, '--to', to, '--out', out, '--json'])) as { notes: string[] };
      return notes;
    },
    async inspect(folder) {
      const { backbone } = JSON.parse(await run(['inspect', folder, '--json'])) as { backbone: BackboneReport & { label?: string } };
      const { architecture, label = architecture, inputSize, features, parameters } = backbone;
      return { architecture, label, inputSize, features, parameters };
    },
  };
}

/** The native program as cargo builds and starts it; the first call that needs it shows cargo's own progress. */
export function cargoProgram(root: string, signal: AbortSignal): Program {
  const options = ['--release', '--locked', '--bin', 'headstart'];
  const program = nativeProgram(['cargo', 'run', '--quiet', ...options, '--'], root, signal);
  let built: Promise<void> | undefined;
  const build = async () => {
    const child = spawn('cargo', ['build', ...options], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    if ((await statusOf(child, 'cargo', signal)) !== 0) throw new Problem('The native program could not be built: see above.');
  };
  return {
    async convert(...args) {
      await (built ??= build());
      return program.convert(...args);
    },
    async inspect(...args) {
      await (built ??= build());
      return program.inspect(...args);
    },
  };
}

/** Runs a program and gives its standard output; where it fails, its last line says why. */
async function output([name, ...args]: [string, ...string[]], cwd: string, signal?: AbortSignal): Promise<string> {
  const child = spawn(name, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complained]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (part: Buffer) => said.push(part));
  child.stderr.on('data', (part: Buffer) => complained.push(part));
  const status = await statusOf(child, name, signal);
  if (status === 0) return Buffer.concat(said).toString();
  const lines = Buffer.concat(complained).toString().trim().split('\n');
  throw new Problem(lines.at(-1)?.replace(/^headstart: /, '') || `${name} failed with status ${status}.`);
}

/** Waits for the end of a program, which an abort brings on. */
async function statusOf(child: ChildProcess, name: string, signal?: AbortSignal): Promise<number | null> {
  const stop = () => child.kill();
  signal?.addEventListener('abort', stop);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
  } catch (error) {
    throw new Problem(errorCode(error) === 'ENOENT' ? `${name} is missing.` : `${name} does not start: ${String(error)}`);
  } finally {
    signal?.removeEventListener('abort', stop);
    signal?.throwIfAborted();
  }
}
