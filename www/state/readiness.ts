/** Why training cannot start, in the words of the button. */
import type { Refusal } from '../generated/types.js';
import { nameOfNext } from './backbone-words.js';
import { nameInUse, otherBackboneOfModel } from './backbones.js';
import { toLearn } from './classes.js';
import { isActive } from './run.js';
import { checkSettings } from './settings.js';
import { andList } from './words.js';
import type { AppState } from './types.js';

const ACTIVATIONS: Readonly<Record<string, string>> = { relu: 'ReLU', silu: 'SiLU', tanh: 'Tanh' };

/** The first thing that is in the way, or null when training can start. */
export function whyNotReady(state: AppState): string | null {
  return whyNotYet(state) ?? inWords(state.readiness?.train ?? null);
}

/** The first thing that keeps the present model from being trained further, or null when that can start. */
export function whyNotFurther(state: AppState): string | null {
  const reason = whyNotYet(state);
  if (reason !== null) return reason;
  if (state.model === null) return NO_MODEL;
  const other = otherBackboneOfModel(state);
  if (other !== null) return onOtherBackbone(other, nameInUse(state));
  return inWords(state.readiness?.further ?? null);
}

/** What the page knows by itself to be in the way; the core is asked only where there is nothing of the kind. */
export function whyNotYet(state: AppState): string | null {
  const { classes, engine } = state;
  if (isActive(state.run)) return 'Training is running.';
  if (classes.length === 0) return 'Add two classes.';
  if (classes.length === 1) return 'Add a second class.';
  const reading = picturesBeingRead(state);
  if (reading === 1) return '1 picture is still being read.';
  if (reading > 1) return `${reading} pictures are still being read.`;
  const empty = classes.filter((each) => toLearn(each).pictures.length === 0).map((each) => each.name);
  if (empty.length === classes.length) return 'Add pictures to your classes.';
  if (empty.length === 1) return `${empty[0]} has no pictures yet.`;
  if (empty.length > 1) return `${andList(empty)} have no pictures yet.`;
  if (engine.status === 'failed') return 'The engine is not running.';
  if (engine.status !== 'ready' || engine.rules === null) return 'The engine is still starting.';
  if (state.backboneChange !== null) return changing(state);
  const { problems } = checkSettings(state.settings.overrides, engine.rules, engine.backbone);
  if (problems.stages !== undefined) return 'The number of blocks needs correcting.';
  if (Object.keys(problems).length > 0) return 'A setting under “Advanced” needs correcting.';
  return null;
}

/** Without figures, which are beside the progress: this is read out each time that it changes. */
function changing(state: AppState): string {
  const name = nameOfNext(state);
  return state.backboneChange?.progress === null ? `${name} is still being loaded.` : `Pictures are still being prepared for ${name}.`;
}

function onOtherBackbone(its: string, present: string): string {
  return `The present model was trained on ${its} and cannot be trained further on ${present}: go back to ${its} for that, or train anew.`;
}

const NO_MODEL = 'There is no model yet.';

/** A refusal of the core as the page says it: by its code, or else in the core's own words. */
function inWords(refusal: Refusal | null): string | null {
  if (refusal === null) return null;
  const value = refusal.value ?? '';
  switch (refusal.code) {
    case 'not_trained':
      return NO_MODEL;
    case 'model_classes_differ':
      return `The present model tells apart ${andList(value.split(/,\s*/))}. None of these is among your classes, so it cannot be trained further on them.`;
    case 'model_head_differs':
      return `The present model has another head: choose ${headName(value)} under “Advanced” to train it further.`;
    case 'model_backbone_differs':
      return `The present model has another backbone (${value}) than the one in use, so it cannot be trained further on it.`;
    case 'model_prepares_otherwise':
      return 'The present model prepares pictures in another way than this page does, so it cannot be trained further here.';
    default:
      return refusal.message;
  }
}

/** A head as the settings call it: of `mlp:64 relu`, `linear` or `conv:64`. */
function headName(head: string): string {
  const [name, part, activation = ''] = head.split(/[: ]/);
  switch (name) {
    case 'mlp':
      return `“Two layers (MLP)” with ${part} units and ${ACTIVATIONS[activation] ?? activation}`;
    case 'conv':
      return `“Convolutional” with ${part} channels`;
    default:
      return '“Linear” or “Linear SVM”';
  }
}

/** Those of deleted classes wait until the class comes back, and hold up nothing. */
export function picturesBeingRead(state: AppState): number {
  return state.classes.reduce((sum, each) => {
    const intake = state.intake[each.key];
    return intake === undefined ? sum : sum + intake.total - intake.done;
  }, 0);
}
