/**
 * What fine-tuning is worth on real pictures: test accuracy of the default recipe by the command line, for each scope over several
 * seeds. It takes minutes with the bundled backbone and hours with a larger one and the whole network.
 *
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
const SEEDS = list('SEEDS', '0,1,2');

function train(set: string, scope: string, seed: string): TrainReport {
  const folder = resolve(ROOT, BACKBONE ?? '');
  const backbone = BACKBONE === undefined ? [] : ['--backbone', existsSync(folder) ? folder : BACKBONE];
  const settings = ['--fine-tune', scope, '--seed', seed, '--engine', 'cpu', '--json', ...backbone];
  const pictures = [join(TASKS, set, 'train'), '--test', join(TASKS, set, 'test')];
  const output = execFileSync('cargo', ['run', '--release', '--quiet', '--', 'train', ...pictures, ...settings], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(output) as TrainReport;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

it('test accuracy by scope', (test) => {
  test.skip(!existsSync(TASKS), `there are no picture sets at ${TASKS}: set HEADSTART_REFERENCES`);
  const known = readdirSync(TASKS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const sets = list('SETS', known.map(({ name }) => name).sort().join(','));
  const gains: Record<string, number[]> = {};
  for (const set of sets) {
    const heads: number[] = [];
    for (const scope of SCOPES) {
      const reports = SEEDS.map((seed) => train(set, scope, seed));
      const accuracies = reports.map((report) => report.testAccuracy! * 100);
      if (scope === SCOPES[0]) heads.push(...accuracies);
      const gain = mean(accuracies) - mean(heads);
      (gains[scope] ??= []).push(gain);
      const kept = reports.filter(({ phase }) => phase === 'fine-tune').length;
      const seconds = mean(reports.map((report) => report.seconds.train));
      console.log(`${set}, ${scope}: ${mean(accuracies).toFixed(1)} % (${gain.toFixed(1)} to ${SCOPES[0]}), fine-tuned weights kept ${kept} of ${SEEDS.length} times, ${seconds.toFixed(0)} s`);
    }
  }
  for (const [scope, values] of Object.entries(gains)) console.log(`mean of ${sets.length} sets, ${scope}: ${mean(values).toFixed(2)} to ${SCOPES[0]}`);
  expect(Object.keys(gains)).toEqual(SCOPES);
}, 86_400_000);
