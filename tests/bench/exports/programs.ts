/** The programs outside of a browser that read exported models, and the scripts that come with each. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answers } from './libraries.js';

const FOLDER = import.meta.dirname;
export const PYTHON = process.env['HEADSTART_PYTHON'] ?? 'python3';

export interface Ended {
  status: number | null;
  out: string;
  error: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], { cwd = FOLDER, input = '' } = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // A program that wants to ask the network for a model is to fail, not to wait. Threads that wait for each other are slow on a busy machine.
    const env = { ...process.env, HF_HUB_OFFLINE: '1', PYTHONUTF8: '1', OMP_NUM_THREADS: '1' };
    const child = spawn(program, args, { cwd, env });
    const ended: Ended = { status: null, out: '', error: '' };
    child.stdout.on('data', (part) => (ended.out += part));
    child.stderr.on('data', (part) => (ended.error += part));
    child.on('error', reject);
    child.on('close', (status) => resolve({ ...ended, status }));
    child.stdin.end(input);
  });
}

export interface PythonJob {
  consumer: string;
  folder: string;
  pictures: readonly string[];
}

/** What Python's programs answer, in the order of the jobs. */
export async function askPython(jobs: readonly PythonJob[]): Promise<(Answers | { missing: string } | { error: string })[]> {
  let ended: Ended;
  try {
    ended = await run(PYTHON, [join(FOLDER, 'consumers.py')], { input: JSON.stringify(jobs) });
  } catch {
    return jobs.map(() => ({ missing: PYTHON }));
  }
  if (ended.status !== 0) throw new Error(ended.error);
  return JSON.parse(ended.out.trim().split('\n').at(-1)!);
}

/** Where an installed package is, unless it is not. */
export const hasPackage = (name: string): boolean => existsSync(join(FOLDER, 'node_modules', name, 'package.json'));

export async function askNode(folder: string, pictures: readonly string[], classes: readonly string[]): Promise<Answers> {
  const { status, out, error } = await run(process.execPath, [join(FOLDER, 'consumers.mjs')], { input: JSON.stringify({ model: join(folder, 'model.onnx'), pictures }) });
  if (status !== 0) throw new Error(error);
  const { probabilities, labels } = JSON.parse(out) as { probabilities: number[][]; labels: string[] };
  probabilities.forEach((shares, at) => {
    if (labels[at] !== classes[shares.indexOf(Math.max(...shares))]) throw new Error(`the label is ${labels[at]}`);
  });
  return { classes, probabilities };
}
