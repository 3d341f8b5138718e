/** Backbones in words and figures. */
import type { BackboneProgress } from '../headstart.js';
import type { BackboneChoice, BackboneCost } from './backbone-types.js';
import { idInUse, nameInUse, nameOf } from './backbones.js';
import { isActive } from './run.js';
import type { AppState } from './types.js';
import { bytes, count, someOf, timeLeft } from './words.js';

/** The figures that tell backbones apart, in a line. */
export function inShort({ kind, bytes: size, inputSize, top1 }: BackboneChoice): string {
  const parts = [kind === 'disk' ? `${bytes(size)} from your disk` : bytes(size), `${inputSize} px`];
  return [...parts, ...(top1 === null ? [] : [`top-1 ${top1.toFixed(1)}%`])].join(' · ');
}

/** A figure with what it is. */
export interface Fact {
  readonly term: string;
  readonly text: string;
}

/** All that the list says of a backbone. */
export function factsOf(choice: BackboneChoice): readonly Fact[] {
  const { kind, bytes: size, inputSize, features, parameters, top1, top1Size, license, source } = choice;
  const measuredOn = top1Size === null ? '' : ` at ${top1Size} px`;
  return [
    { term: kind === 'disk' ? 'File' : 'Download', text: bytes(size) },
    { term: 'Picture size', text: `${inputSize} × ${inputSize} pixels` },
    { term: 'Features', text: features.toLocaleString('en') },
    { term: 'Values', text: parameters.toLocaleString('en') },
    { term: 'ImageNet top-1', text: top1 === null ? 'not published' : `${top1.toFixed(1)}%${measuredOn}` },
    { term: 'Licence', text: license === '' ? 'not told' : license },
    { term: 'Source', text: source === '' ? 'not told' : source },
  ];
}

/** What adding a picture takes beside reading its file, as measured here; null before anybody has asked. */
export function describeCost(cost: BackboneCost | undefined, engine: string): string | null {
  switch (cost?.status) {
    case undefined:
      return null;
    case 'measuring':
      return 'measuring…';
    case 'failed':
      return `could not be measured: ${cost.problem}`;
    case 'known':
      return `${milliseconds(cost.milliseconds)} on ${engine}, measured here, and reading its file`;
  }
}

function milliseconds(time: number): string {
  if (time >= 1000) return `${(time / 1000).toFixed(1)} s`;
  return `${time < 10 ? Number(time.toPrecision(2)) : Math.round(time)} ms`;
}

/** Why a backbone cannot be taken now, or null where it can. */
export function whyNotTake(state: AppState, id: string): string | null {
  const { wanted } = state.backbones;
  if (id === wanted?.id) return 'It is being loaded.';
  if (wanted === null && id === idInUse(state)) return 'It is in use.';
  return whyNotNow(state);
}

/** Why the backbone in use cannot compute in something else now, or null where it can. */
export function whyNotCompute(state: AppState): string | null {
  const loading = state.backbones.wanted !== null || (state.backboneChange !== null && state.backboneChange.progress === null);
  return loading ? 'The backbone is being changed.' : whyNotNow(state);
}

/** Why nothing can be asked of the engine now, or null where it can. */
export function whyNotNow({ engine, run }: AppState): string | null {
  if (engine.status === 'failed') return 'The engine is not running.';
  if (engine.status !== 'ready') return 'The engine is still starting.';
  return isActive(run) ? 'Wait until training has ended, or stop it.' : null;
}

/** What the backbone that is to come or has come is called. */
export function nameOfNext(state: AppState): string {
  return state.backbones.wanted?.name ?? nameInUse(state);
}

/** What a change that is cancelled goes back to. */
export function nameOfSettled(state: AppState): string | null {
  const id = state.backbones.settled ?? state.backbones.usual;
  return id === null ? null : nameOf(state, id);
}

/** How far the change to this very backbone is, without a time; null where there is none. */
export function describeChangeTo(state: AppState, id: string): string | null {
  const { backboneChange, backbones } = state;
  if (backboneChange === null || id !== (backbones.wanted?.id ?? idInUse(state))) return null;
  return describeChange(nameOfNext(state), backboneChange.progress, null);
}

/** How far a change is. */
export function describeChange(name: string, progress: BackboneProgress | null, secondsLeft: number | null): string {
  if (progress === null) return `Loading ${name}…`;
  const left = secondsLeft === null ? '' : timeLeft(secondsLeft);
  return `Preparing pictures for ${name}: ${progress.done} of ${progress.total}${left === '' ? '' : `, ${left}`}`;
}

/** When a change was how far. */
export interface Mark {
  readonly milliseconds: number;
  readonly done: number;
}

/** So few pictures say too little about the rest. */
const ENOUGH = 3;

/** How long it takes at the pace since a mark; null where that is not known yet. */
export function secondsLeft(since: Mark, now: Mark, total: number): number | null {
  const done = now.done - since.done;
  if (done < ENOUGH || now.done >= total) return null;
  return ((now.milliseconds - since.milliseconds) / 1000 / done) * (total - now.done);
}

/** Why a backbone is not taken, and that nothing has changed. */
export function refused(name: string, reason: string, inUse: string): string {
  return `“${name}” cannot be used. ${reason} ${inUse} stays in use.`;
}

/** Pictures whose files have gone. */
export function notPrepared(names: readonly string[], backbone: string): string {
  const [are, them] = names.length === 1 ? ['It is', 'it'] : ['They are', 'them'];
  const which = `${count(names.length, 'picture')} could not be read again: ${someOf(names)}.`;
  return `${which} ${are} left out while ${backbone} is in use; add ${them} once more to have ${them} back.`;
}
