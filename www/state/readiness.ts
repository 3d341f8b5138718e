/** Why training cannot start, in the words of the button. */
import { isActive } from './run.js';
import { checkSettings } from './settings.js';
import { andList } from './words.js';
import type { AppState, HeadState } from './types.js';

const ACTIVATIONS: Readonly<Record<string, string>> = { relu: 'ReLU', silu: 'SiLU', tanh: 'Tanh' };

/** The first thing that is in the way, or null when training can start. */
export function whyNotReady(state: AppState): string | null {
  const { classes, engine } = state;
  if (isActive(state.run)) return 'Training is running.';
  if (classes.length === 0) return 'Add two classes.';
  if (classes.length === 1) return 'Add a second class.';
  const reading = picturesBeingRead(state);
  if (reading === 1) return '1 picture is still being read.';
  if (reading > 1) return `${reading} pictures are still being read.`;
  const empty = classes.filter((each) => each.pictures.length === 0).map((each) => each.name);
  if (empty.length === classes.length) return 'Add pictures to your classes.';
  if (empty.length === 1) return `${empty[0]} has no pictures yet.`;
  if (empty.length > 1) return `${andList(empty)} have no pictures yet.`;
  if (engine.status === 'failed') return 'The engine is not running.';
  if (engine.status !== 'ready' || engine.rules === null) return 'The engine is still starting.';
  const { problems } = checkSettings(state.settings.overrides, engine.rules, engine.backbone);
  if (problems.stages !== undefined) return 'The number of blocks needs correcting.';
  if (Object.keys(problems).length > 0) return 'A setting under “Advanced” needs correcting.';
  return null;
}

/** The first thing that keeps the present model from being trained further, or null when that can start. */
export function whyNotFurther(state: AppState): string | null {
  const reason = whyNotReady(state);
  if (reason !== null) return reason;
  const { model, classes } = state;
  if (model === null) return 'There is no model yet.';
  const names = classes.map(({ name }) => name);
  if (names.length !== model.length || !model.every((label) => names.includes(label))) {
    return `The present model tells apart ${andList(model)}. Your classes are other ones, so it cannot be trained further on them.`;
  }
  if (!model.every((label, index) => label === names[index])) {
    return `The present model has your classes in another order, ${andList(model)}, so it cannot be trained further on them.`;
  }
  return whyNotThisHead(state);
}

function whyNotThisHead({ modelHead, engine, settings }: AppState): string | null {
  const { defaults, rules, backbone } = engine;
  if (modelHead === null || defaults === null || rules === null) return null;
  const { config } = checkSettings(settings.overrides, rules, backbone);
  const wanted = { kind: config.head ?? defaults.head, activation: config.activation ?? defaults.activation };
  if (form(wanted) === form(modelHead)) return null;
  return `The present model has another head: choose ${headName(modelHead)} under “Advanced” to train it further.`;
}

/** What two heads must have in common for one to go on from the other: an SVM is a linear head that was trained in another way. */
function form({ kind, activation }: HeadState): string {
  if (kind === 'linear' || kind.startsWith('svm')) return 'linear';
  return kind.startsWith('mlp') ? `${kind} ${activation}` : kind;
}

/** A head as the settings call it. */
function headName({ kind, activation }: HeadState): string {
  const [name, part] = kind.split(':');
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
