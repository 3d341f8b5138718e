/** The project on the page, and whether it is kept. */
import type { PageRecord, ProjectRecord } from '../storage/database.js';
import type { KeptProject } from '../storage/project.js';
import { countPictures } from './classes.js';
import { initialState } from './reducer.js';
import type { AppState, Keeping, Settings } from './types.js';

const LONGEST_NAME = 80;
/** So many pictures stand for a project. */
const COVERS = 4;

/** The page as it was when it was kept last. */
export function keptState(settings: Settings, { page, summary, trainer, checkpoint }: KeptProject, keeping: Keeping): AppState {
  const first = initialState(settings);
  const { id, classes, nextKey, run, ofModel } = page;
  // It answers as soon as there is an engine.
  const isKept = (trainer?.models ?? 0) === page.models;
  const model = isKept ? page.model : null;
  return {
    ...first,
    project: { id, name: summary.name, keeping },
    classes,
    nextKey,
    run: { ...run, replaced: run.replaced || (run.report !== null && !isKept) },
    // In another tab it may well be under way.
    cutShort: keeping === 'elsewhere' ? null : checkpoint && { epoch: checkpoint.epoch, epochs: checkpoint.epochs },
    model,
    backbones: { ...first.backbones, ofModel },
  };
}

/** What the list of projects shows of one that is kept. */
export function summaryOf({ id, classes, model }: PageRecord, name: string, created: number): ProjectRecord {
  const covers = classes.flatMap((each) => each.pictures.slice(0, 1).map(({ key }) => key)).slice(0, COVERS);
  const pictures = countPictures(classes);
  return { id, name, created, changed: Date.now(), deleted: null, classes: classes.length, pictures, trained: model !== null, covers };
}

/** Whether there is anything that somebody would miss; a project that is kept already stays so when it is emptied. */
export function hasContent({ project, classes, model }: AppState): boolean {
  const named = classes.length !== 2 || classes.some(({ name }, index) => name !== `Class ${index + 1}`);
  return project.id !== null || model !== null || named || classes.some(({ pictures }) => pictures.length > 0);
}

/** A name as it is kept; null where it says nothing. */
export function projectName(typed: string): string | null {
  const name = typed.trim().replace(/\s+/g, ' ').slice(0, LONGEST_NAME);
  return name === '' ? null : name;
}

/** This name or, where others have it, the first of it with a number. */
export function freeProjectName(name: string, others: readonly string[]): string {
  let free = name;
  for (let number = 2; others.includes(free); number += 1) free = `${name} ${number}`;
  return free;
}

/** In the few words that fit beside the name. */
export function keepingInWords(keeping: Keeping): string {
  switch (keeping) {
    case 'empty':
      return 'Kept on this device as you go';
    case 'saving':
      return 'Saving…';
    case 'saved':
      return 'Saved on this device';
    case 'without-model':
      return 'Latest model not saved';
    case 'failed':
      return 'Not saved yet: trying again';
    case 'full':
      return 'Not saved: no room left';
    case 'elsewhere':
      return 'Open in another tab';
    case 'off':
      return 'Not saved';
  }
}

/** Why it is not kept and what can be done, or null where it is. */
export function whyNotKept(keeping: Keeping): string | null {
  switch (keeping) {
    case 'without-model':
      return 'The engine stopped before the latest model could be saved; all else is. Start it again under “Train”, then train again.';
    case 'failed':
      return 'This browser could not write to its storage. It is tried again every few seconds; keep this tab open meanwhile.';
    case 'full':
      return 'There is no room left on this device for what is new here. Under “Projects”, delete for good what you no longer need, or free space elsewhere: it is tried again every few seconds. Keep this tab open meanwhile, or save the model to a file.';
    case 'elsewhere':
      return 'This project is open in another tab or window, where it goes on. What you change here is not saved.';
    case 'off':
      return 'This browser does not let the page store anything, as in some private windows: everything is gone when this tab is closed. Save the model to a file to keep it.';
    default:
      return null;
  }
}
