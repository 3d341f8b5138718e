import { afterEach, describe, expect, it, vi } from 'vitest';
import { keptState } from '../../www/state/project.js';
import { reduce } from '../../www/state/reducer.js';
import { NO_RUN } from '../../www/state/run.js';
import type { Database, PageRecord, StoredPage } from '../../www/storage/database.js';
import { writeProjectFile } from '../../www/storage/project-file.js';
import { ProjectPlace } from '../../www/storage/project.js';
import { reportOf, runOf } from '../../www/storage/report.js';
import { FIRST_SETTINGS } from '../../www/storage/settings.js';
import { projectFrom, type Destination } from '../../www/ui/control/project-files.js';
import { report } from './support/state.js';

/** The same as it was written before, letter by letter. */
const before = {
  classes: report.classes,
  class_ids: report.classIds,
  images: report.images,
  backbone: report.backbone,
  head: report.head,
  fine_tune: report.fineTune,
  phase: report.phase,
  trainable_parameters: report.trainableParameters,
  total_parameters: report.totalParameters,
  epochs_run: report.epochsRun,
  head_epochs: report.headEpochs,
  best_epoch: report.bestEpoch,
  stopped: report.stopped,
  train_loss: report.trainLoss,
  train_accuracy: report.trainAccuracy,
  validation_loss: report.validationLoss,
  validation_accuracy: report.validationAccuracy,
  test_accuracy: report.testAccuracy,
  confusion_matrix: report.confusionMatrix,
  per_class: report.perClass,
  seconds: report.seconds,
  seed: report.seed,
  engine: report.engine,
  warnings: report.warnings,
};

describe('a report that was written', () => {
  it('has the names of today, whichever it had', () => {
    expect(reportOf(before)).toEqual(report);
    expect(reportOf(report)).toEqual(report);
  });

  it('says what core takes it to say where it is older than that', () => {
    const { class_ids: _ids, phase: _phase, head_epochs: _epochs, ...first } = before;
    expect(reportOf(first)).toEqual({ ...report, classIds: [], phase: 'head', headEpochs: 0 });
  });

  it('is one of the run before, too, and of none where there is none', () => {
    const run = { ...NO_RUN, report: before };
    expect(runOf({ ...NO_RUN, before: run })).toEqual({ ...NO_RUN, before: { ...NO_RUN, report } });
    expect(runOf(NO_RUN)).toEqual(NO_RUN);
  });
});

/** A device with one project, whose page is this. */
function deviceWith(page: object): ProjectPlace {
  const found: { readonly [table: string]: object } = { projects: { id: 'p', name: 'Shapes', deleted: null }, pages: page };
  const objectStore = (name: string) => ({ get: async () => found[name], getAll: async () => [], getAllKeys: async () => [] });
  return new ProjectPlace({ transaction: () => ({ objectStore, done: Promise.resolve() }) } as unknown as Database, 'p');
}

describe('what was kept while the names had underscores', () => {
  afterEach(() => vi.unstubAllGlobals());

  const classes = [{ key: 1, name: 'Class 1' }, { key: 2, name: 'Class 2' }];
  const page: Omit<StoredPage, 'version'> = {
    id: 'p', classes, nextKey: 3, nextPicture: 1, run: { ...NO_RUN, report: before }, interrupted: null, ofModel: null, backbone: null, model: null, models: 0,
  };

  it.each([2, 3, 4])('is read with the names of today, in version %i', async (version) => {
    vi.stubGlobal('IDBKeyRange', { bound: () => undefined });
    const kept = (await deviceWith({ ...page, version }).read(false))!;
    expect(kept.page.run).toEqual({ ...NO_RUN, report });
    const state = reduce(keptState(FIRST_SETTINGS, kept, 'saved'), { type: 'class-renamed', key: 1, name: 'rings' });
    expect(state.run.report).toMatchObject({ classes: ['rings', 'Class 2'], perClass: [{ class: 'rings' }, { class: 'Class 2' }] });
  });

  it('is left to a newer page where that wrote it', async () => {
    vi.stubGlobal('IDBKeyRange', { bound: () => undefined });
    expect(await deviceWith({ ...page, version: 5 }).read(false)).toBeNull();
  });

  it.each([['underscores', before], ['the names of today', report], ['no report', null]] as const)('comes from a project file with %s', async (_, written) => {
    const project = JSON.stringify({ dataset: { next_class: 3, next_image: 1 }, model: { report: written } });
    const trainer = { id: '', project, model: null, backbone: { weights: new Blob(['x']) }, backboneName: 'any', models: 0 };
    const file = await writeProjectFile({ name: 'Shapes', stale: true, served: null, trainer, pictures: [] }, () => undefined);
    const pages: PageRecord[] = [];
    const place = { id: 'p', write: async (changes: { page: PageRecord }) => void pages.push(changes.page) };
    const create = async () => ({ classes: [], modelClasses: null, close: () => undefined });
    await projectFrom(file, { place, names: [], create } as unknown as Destination, () => undefined);
    expect(pages.map(({ run }) => run)).toEqual([{ ...NO_RUN, report: written && report, stale: written !== null }]);
  });
});
