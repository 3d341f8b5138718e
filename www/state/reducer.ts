/** Actions to state, with no side effect and no clock. */
import type { Action } from './actions.js';
import { NO_BACKBONES, presentBackbone, reduceBackbones, withoutCosts } from './backbones.js';
import { addPictures, findClass, freshName, nameNow, nameProblem, placesOf, removePictures, rename } from './classes.js';
import { reduceImport } from './import.js';
import { whatTheModelGoesOnWith } from './merge.js';
import { addNotice, clearArea, dismiss } from './notices.js';
import { isActive, NO_RUN, reduceRun } from './run.js';
import { usableSettings } from './settings.js';
import type { AppState, Key, PictureState, Settings, UndoEntry } from './types.js';
import { describe, pushUndo, takeBack, withinLimits, withoutPictures } from './undo.js';

export type { Action } from './actions.js';

const NO_ESTIMATE: AppState['estimate'] = { status: 'none', value: null, further: null, problem: null };

export function initialState(settings: Settings): AppState {
  return {
    project: { id: null, name: 'My project', keeping: 'off' },
    engine: { status: 'loading', report: null, defaults: null, rules: null, backbone: null, problem: null },
    backbones: NO_BACKBONES,
    backboneChange: null,
    classes: [
      { key: 1, name: 'Class 1', pictures: [] },
      { key: 2, name: 'Class 2', pictures: [] },
    ],
    nextKey: 3,
    intake: {},
    import: null,
    undo: [],
    notices: [],
    toast: null,
    nextNotice: 1,
    run: NO_RUN,
    cutShort: null,
    estimate: NO_ESTIMATE,
    readiness: null,
    model: null,
    modelFileBusy: false,
    target: null,
    camera: null,
    trial: { picture: null, predictions: null },
    settings,
  };
}

export function reduce(state: AppState, action: Action): AppState {
  switch (action.type) {
    case 'class-added': {
      const name = action.name?.trim() ?? freshName(state.classes);
      if (nameProblem(state.classes, null, name) !== null) return state;
      const added = { key: state.nextKey, name, pictures: [] };
      return stale({ ...state, classes: [...state.classes, added], nextKey: state.nextKey + 1, target: added.key });
    }
    case 'class-renamed':
      return renamed(state, action.key, action.name.trim());
    case 'class-removed': {
      const index = state.classes.findIndex((each) => each.key === action.key);
      const removed = state.classes[index];
      if (removed === undefined) return state;
      const classes = state.classes.filter((each) => each !== removed);
      const target = state.target === action.key ? null : state.target;
      const camera = state.camera === action.key ? null : state.camera;
      return withUndo({ ...state, target, camera }, { kind: 'class-removed', removed, index }, classes);
    }
    case 'class-merged':
      return merged(state, action.key, action.into);
    case 'classes-dropped':
      return { ...state, classes: state.classes.filter((each) => !action.keys.includes(each.key)) };
    case 'pictures-expected':
      return expected(state, action.key, action.count);
    case 'pictures-read':
      return read(state, action.key, action.added, action.done);
    case 'pictures-removed': {
      const places = placesOf(state.classes, action.keys);
      if (places.length === 0) return state;
      return withUndo(state, { kind: 'pictures-removed', places }, removePictures(state.classes, action.keys));
    }
    case 'pictures-moved':
      return moved(state, action.keys, action.to);
    case 'pictures-lost':
      return stale({ ...state, classes: removePictures(state.classes, action.keys), undo: withoutPictures(state.undo, action.keys) });
    case 'undone': {
      const entry = state.undo.at(-1);
      if (entry === undefined) return state;
      // A class may come back under another name, too.
      const back = named({ ...state, classes: takeBack(state.classes, entry), undo: state.undo.slice(0, -1), toast: null });
      return entry.kind === 'class-renamed' ? back : stale(back);
    }
    case 'toast-closed':
      return state.toast?.id === action.id ? { ...state, toast: null } : state;
    case 'noticed': {
      const notice = { id: state.nextNotice, area: action.area, tone: action.tone, text: action.text };
      return { ...state, notices: addNotice(state.notices, notice), nextNotice: state.nextNotice + 1 };
    }
    case 'notice-dismissed':
      return { ...state, notices: dismiss(state.notices, action.id) };
    case 'area-cleared': {
      const notices = clearArea(state.notices, action.area);
      return notices === state.notices ? state : { ...state, notices };
    }
    case 'engine-starting':
      return { ...state, engine: { ...state.engine, status: action.switching ? 'switching' : 'loading', problem: null } };
    case 'engine-ready': {
      const { report, defaults, rules, backbone } = action;
      // The first rules that there are meet settings of an earlier visit; later ones those that somebody has in hand.
      const settings = state.engine.rules === null ? usableSettings(state.settings, rules, backbone) : state.settings;
      const engine = { status: 'ready', report, defaults, rules, backbone, problem: null } as const;
      return { ...state, settings, engine, backbones: withoutCosts(state.backbones) };
    }
    case 'engine-changed':
      return { ...state, engine: { ...state.engine, report: action.report }, backbones: withoutCosts(state.backbones) };
    case 'engine-failed':
      return {
        // Whatever the run had learned is gone with the worker, while an earlier model is kept.
        ...(isActive(state.run) ? reduce(state, { type: 'run-undone' }) : state),
        engine: { ...state.engine, status: 'failed', problem: action.problem },
        backboneChange: null,
        backbones: withoutCosts(state.backbones),
      };
    case 'backbones-asked':
    case 'backbones-listed':
    case 'backbones-not-listed':
    case 'backbone-brought':
    case 'backbone-wanted':
    case 'backbone-placed':
    case 'backbone-measured':
    case 'backbone-changing':
    case 'backbone-change-ended':
    case 'backbone-changed':
      return reduceBackbones(state, action);
    case 'import-looking':
    case 'import-planned':
    case 'import-began':
    case 'import-grew':
    case 'import-stopping':
    case 'import-ended':
      return reduceImport(state, action);
    case 'readiness-told':
      return { ...state, readiness: action.readiness };
    case 'estimate-dropped':
      return state.estimate === NO_ESTIMATE ? state : { ...state, estimate: NO_ESTIMATE };
    case 'estimate-asked':
      return { ...state, estimate: { ...state.estimate, status: 'asking' } };
    case 'estimated':
      return { ...state, estimate: { status: 'known', value: action.estimate, further: action.further, problem: null } };
    case 'estimate-failed':
      return { ...state, estimate: { status: 'failed', value: null, further: null, problem: action.problem } };
    case 'model-changed':
      return { ...state, model: action.labels };
    case 'model-trained':
      return { ...state, model: action.labels, backbones: { ...state.backbones, ofModel: presentBackbone(state) } };
    case 'model-replaced':
      return {
        ...state,
        model: action.labels,
        // A file does not say it, nor does an earlier model that takes the place of a lost one.
        backbones: { ...state.backbones, ofModel: null },
        run: { ...state.run, replaced: state.run.report !== null },
      };
    case 'model-file-busy':
      return { ...state, modelFileBusy: action.busy };
    case 'target-chosen':
      return state.target === action.target ? state : { ...state, target: action.target };
    case 'camera-given': {
      // What the camera sees takes the place of a picture, and its bars go when it does.
      const touched = action.to === 'try' || state.camera === 'try';
      return { ...state, camera: action.to, trial: touched ? { picture: null, predictions: null } : state.trial };
    }
    case 'picture-tried':
      return {
        ...state,
        camera: state.camera === 'try' && action.picture !== null ? null : state.camera,
        trial: { picture: action.picture, predictions: null },
      };
    case 'predicted':
      return { ...state, trial: { ...state.trial, predictions: action.predictions } };
    case 'project-changed':
      return { ...state, project: { ...state.project, ...action.change } };
    case 'settings-changed':
      return { ...state, settings: { ...state.settings, ...action.change } };
    case 'run-cut-short':
      return { ...state, cutShort: action.cutShort };
    case 'run-started':
      return { ...state, run: reduceRun(state.run, action), cutShort: null };
    case 'run-ended':
    case 'run-failed':
    case 'run-undone':
      return named({ ...state, run: reduceRun(state.run, action) });
    default:
      return { ...state, run: reduceRun(state.run, action) };
  }
}

/** Marks the run as being about other pictures than the ones that are there now. */
function stale(state: AppState): AppState {
  const { run } = state;
  return run.stale || (run.report === null && !isActive(run)) ? state : { ...state, run: { ...run, stale: true } };
}

function withUndo(state: AppState, entry: UndoEntry, classes: AppState['classes'], remark: string | null = null): AppState {
  const done = describe(entry, classes);
  const toast = { id: state.nextNotice, text: remark === null ? done : `${done}. ${remark}` };
  const undo = pushUndo(state.undo, entry);
  return stale({ ...state, classes, undo, toast, nextNotice: state.nextNotice + 1 });
}

function renamed(state: AppState, key: Key, to: string): AppState {
  const from = findClass(state.classes, key)?.name;
  if (from === undefined || from === to || nameProblem(state.classes, key, to) !== null) return state;
  const undo = pushUndo(state.undo, { kind: 'class-renamed', key, from, to });
  return named({ ...state, classes: rename(state.classes, key, to), undo });
}

/** A trained model follows a rename, so its report does too and does not go stale; also a rename from while it trained. */
function named(state: AppState): AppState {
  const { report } = state.run;
  if (report === null) return state;
  const name = (old: string, index: number): string => nameNow(state.classes, report.classIds[index] ?? null, old);
  const perClass = report.perClass?.map((each, index) => ({ ...each, class: name(each.class, index) })) ?? null;
  return { ...state, run: { ...state.run, report: { ...report, classes: report.classes.map(name), perClass } } };
}

function expected(state: AppState, key: Key, count: number): AppState {
  const before = state.intake[key] ?? { done: 0, total: 0 };
  return { ...state, intake: { ...state.intake, [key]: { done: before.done, total: before.total + count } } };
}

function read(state: AppState, key: Key, added: readonly PictureState[], done: number): AppState {
  const { [key]: before, ...others } = state.intake;
  const after = before && { done: before.done + done, total: before.total };
  const intake = after && after.done < after.total ? { ...others, [key]: after } : others;
  if (added.length === 0) return { ...state, intake };
  if (findClass(state.classes, key)) return stale({ ...state, intake, classes: addPictures(state.classes, key, added) });
  const undo = state.undo.map((entry) =>
    // A picture that was on its way when its class was deleted comes back with the class.
    entry.kind === 'class-removed' && entry.removed.key === key
      ? { ...entry, removed: { ...entry.removed, pictures: [...entry.removed.pictures, ...added] } }
      : entry,
  );
  return stale({ ...state, intake, undo: withinLimits(undo) });
}

function moved(state: AppState, keys: ReadonlySet<Key>, to: Key): AppState {
  const places = placesOf(state.classes, keys).filter((place) => place.classKey !== to);
  if (places.length === 0 || findClass(state.classes, to) === undefined) return state;
  const moving = new Set(places.map((place) => place.picture.key));
  const left = removePictures(state.classes, moving);
  const classes = addPictures(left, to, places.map((place) => place.picture));
  return withUndo(state, { kind: 'pictures-moved', places, to }, classes);
}

function merged(state: AppState, key: Key, into: Key): AppState {
  const index = state.classes.findIndex((each) => each.key === key);
  const removed = state.classes[index];
  if (removed === undefined || key === into || findClass(state.classes, into) === undefined) return state;
  const left = state.classes.filter((each) => each !== removed);
  const target = state.target === key ? into : state.target;
  const camera = state.camera === key ? null : state.camera;
  const classes = addPictures(left, into, removed.pictures);
  return withUndo({ ...state, target, camera }, { kind: 'class-merged', removed, index, into }, classes, whatTheModelGoesOnWith(state.model, removed));
}
