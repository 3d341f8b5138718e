import type { Choice, Chosen } from '../../import/choose.js';
import type { ImportPlan, LeftOut } from '../../import/types.js';
import type { ImportLeftOut, ImportSummary } from '../../state/import.js';
import type { ClassState } from '../../state/types.js';
import { andList, count } from '../../state/words.js';
import type { Failed } from './import-run.js';

/** So many names are kept of files that are left out for one reason, and so many are named in a sentence. */
const NAMES = 20;
const NAMED = 5;
const NAME_LETTERS = 80;

/** What the page shows of a plan. */
export function summarise(title: string, plan: ImportPlan, choice: Choice, chosen: Chosen, classes: readonly ClassState[]): ImportSummary {
  const present = new Set(classes.map(({ name }) => name));
  return {
    title,
    classes: chosen.classes.map(({ name, items }) => ({
      name,
      count: items.length,
      wanted: !choice.without.has(name),
      present: present.has(name),
    })),
    equals: chosen.equals,
    present: chosen.present,
    withEquals: choice.withEquals,
    tests: plan.tests.map(({ folder, classes: tested }) => {
      const wanted = tested.filter(({ name }) => !choice.without.has(name));
      return { folder, count: wanted.reduce((sum, { items }) => sum + items.length, 0) };
    }),
    leftOut: byReason(plan.leftOut),
    remarks: plan.remarks,
  };
}

/** Why nothing comes in. */
export function nothingText(leftOut: readonly LeftOut[]): string {
  const [first] = leftOut;
  if (first === undefined) return 'There are no pictures in it.';
  if (leftOut.length === 1) return `“${short(first.name)}” ${first.reason}.`;
  return `There is nothing to import. ${sentences(byReason(leftOut))}`;
}

/** What did not come in, and why. */
export function failedText(failed: readonly Failed[], total: number): string {
  return `${failed.length.toLocaleString('en')} of ${count(total, 'picture')} did not come in. ${sentences(byReason(failed))}`;
}

function sentences(leftOut: readonly ImportLeftOut[]): string {
  return leftOut.map(({ names, total, reason }) => `${listed(names, total)} ${reason.replace(/\.$/, '')}.`).join(' ');
}

/** “a.jpg”, or “a.jpg, b.jpg and 3 more: each”. */
export function listed(names: readonly string[], total: number): string {
  const some = names.slice(0, NAMED).map((name) => `“${name}”`);
  if (total === 1) return some.join('');
  const more = total - some.length;
  return `${more > 0 ? `${some.join(', ')} and ${more.toLocaleString('en')} more` : andList(some)}: each`;
}

function byReason(leftOut: readonly LeftOut[]): ImportLeftOut[] {
  const reasons = new Map<string, { names: string[]; total: number }>();
  for (const { name, reason } of leftOut) {
    const of = reasons.get(reason) ?? { names: [], total: 0 };
    reasons.set(reason, of);
    of.total += 1;
    if (of.names.length < NAMES) of.names.push(short(name));
  }
  return [...reasons].map(([reason, { names, total }]) => ({ reason, names, total }));
}

function short(name: string): string {
  return name.length > NAME_LETTERS ? `${name.slice(0, NAME_LETTERS)}…` : name;
}
