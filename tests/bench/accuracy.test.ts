/**
 * What fine-tuning is worth on real pictures, and what eight bits cost: test accuracy of the default recipe by the command line, for each
 * scope and arithmetic over several seeds. It takes minutes with the bundled backbone and hours with a larger one and the whole network.
 *
 *     SCOPES=none ARITHMETICS=float,int8 ./build.sh bench accuracy
 *     BACKBONE=../shared/backbones/NAME SCOPES=none,last:3,last:10,all SEEDS=0,1,2 SETS=flowers5 ./build.sh bench accuracy
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import type { TrainReport } from '../../www/generated/types.js';

const ROOT = join(import.meta.dirname, '../..');
const TASKS = join(process.env['HEADSTART_REFERENCES'] ?? join(ROOT, '../shared'), 'tasks');
const BACKBONE = process.env['BACKBONE'];
const list = (name: string, otherwise: string): string[] => (process.env[name] ?? otherwise).split(',');
const SCOPES = list('SCOPES', 'none,last:3');
const ARITHMETICS = list('ARITHMETICS', 'float');
const SEEDS = list('SEEDS', '0,1,2');

/** What is compared, the first with each. */
const WAYS = SCOPES.flatMap((scope) => ARITHMETICS.map((arithmetic) => ({ scope, arithmetic, name: arithmetic === 'float' ? scope : `${scope} in ${arithmetic}` })));
type Way = (typeof WAYS)[number];

function train(set: string, { scope, arithmetic }: Way, seed: string): TrainReport {
  const folder = resolve(ROOT, BACKBONE ?? '');
  const backbone = BACKBONE === undefined ? [] : ['--backbone', existsSync(folder) ? folder : BACKBONE];
  const settings = ['--fine-tune', scope, '--arithmetic', arithmetic, '--seed', seed, '--engine', 'cpu', '--json', ...backbone];
  const pictures = [join(TASKS, set, 'train'), '--test', join(TASKS, set, 'test')];
  const output = execFileSync('cargo', ['run', '--release', '--quiet', '--', 'train', ...pictures, ...settings], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(output) as TrainReport;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

it('test accuracy by scope and arithmetic', (test) => {
  test.skip(!existsSync(TASKS), `there are no picture sets at ${TASKS}: set HEADSTART_REFERENCES`);
  const known = readdirSync(TASKS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const sets = list('SETS', known.map(({ name }) => name).sort().join(','));
  const gains: Record<string, number[]> = {};
  for (const set of sets) {
    const firsts: number[] = [];
    for (const way of WAYS) {
      const reports = SEEDS.map((seed) => train(set, way, seed));
      const accuracies = reports.map((report) => report.testAccuracy! * 100);
      if (way === WAYS[0]) firsts.push(...accuracies);
      const gain = mean(accuracies) - mean(firsts);
      (gains[way.name] ??= []).push(gain);
      const kept = reports.filter(({ phase }) => phase === 'fine-tune').length;
      const seconds = mean(reports.map((report) => report.seconds.train));
      console.log(`${set}, ${way.name}: ${mean(accuracies).toFixed(1)} % (${gain.toFixed(1)} to ${WAYS[0]!.name}), fine-tuned weights kept ${kept} of ${SEEDS.length} times, ${seconds.toFixed(0)} s`);
    }
  }
  for (const [name, values] of Object.entries(gains)) console.log(`mean of ${sets.length} sets, ${name}: ${mean(values).toFixed(2)} to ${WAYS[0]!.name}`);
  expect(Object.keys(gains)).toEqual(WAYS.map(({ name }) => name));
}, 86_400_000);
