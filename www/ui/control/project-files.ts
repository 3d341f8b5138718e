import type { ModelClass } from '../../generated/types.js';
import { HeadstartError, listBackbones, type BackboneEntry, type BackboneFiles, type Trainer } from '../../headstart.js';
import { NO_RUN } from '../../state/run.js';
import { freeProjectName, projectName, summaryOf } from '../../state/project.js';
import type { ClassState, Key } from '../../state/types.js';
import type { PageRecord, PictureRecord, ProjectRecord, TrainerRecord } from '../../storage/database.js';
import type { FilePicture, OnProgress, ProjectFile } from '../../storage/project-file.js';
import type { KeptProject, ProjectPlace } from '../../storage/project.js';
import { reportOf, type StoredReport } from '../../storage/report.js';
import { NEVER_WHOLE } from '../../storage/shelf.js';
import { idOf } from './backbone-choices.js';
import type { CreateTrainer } from './session.js';

/** Pictures are written so many at a time, and no more once they have so many bytes. */
const BATCH = 32;
const BATCH_BYTES = 8e6;

/** A project of this device as a file. */
export async function fileOf({ summary, page, trainer }: KeptProject, place: ProjectPlace, onProgress: OnProgress): Promise<Blob> {
  const { writeProjectFile } = await import('../../storage/project-file.js');
  if (trainer === null) throw new Error('There is nothing to save yet.');
  const { backbone } = trainer;
  const pictures = page.classes.flatMap((each) => each.pictures).map(({ key, name }) => ({ key, name, read: () => kept(place, key, name) }));
  const served = typeof backbone === 'string' ? idOf({ folder: backbone }) : null;
  return writeProjectFile({ name: summary.name, stale: page.run.stale, served, trainer, pictures }, onProgress);
}

async function kept(place: ProjectPlace, key: Key, name: string): Promise<PictureRecord> {
  const picture = await place.picture(key);
  if (picture === undefined) throw new Error(`“${name}” is not on this device any more.`);
  return picture;
}

/** Where a project from a file goes, and what it is called there. */
export interface Destination {
  readonly place: ProjectPlace;
  readonly names: readonly string[];
  readonly create: CreateTrainer;
}

/**
 * Puts a project from a file beside those of this device, once core has accepted all of it. A project that is open stays as it is.
 *
 * @throws `ImportRefusal` and {@link HeadstartError}, for a file that cannot be used.
 */
export async function projectFrom(file: Blob, { place, names, create }: Destination, onProgress: OnProgress): Promise<void> {
  const { readProjectFile } = await import('../../storage/project-file.js');
  const read = await readProjectFile(file);
  const backbone = await backboneOf(read);
  const saved = { project: read.project, model: read.model, pictures: null, thumbnails: null, sources: null };
  const source = 'folder' in backbone ? backbone.folder : backbone;
  const trainer = await create({ engine: 'cpu', backbone, project: { ...saved, backbone: source } });
  try {
    const classes = classesOf(trainer, read.pictures);
    const name = freeProjectName(projectName(read.name) ?? 'Project', names);
    const page = pageOf(place.id, classes, trainer.modelClasses, read);
    const record = { id: place.id, ...saved, backbone: source, backboneName: read.backbone, models: page.models };
    await put(place, summaryOf(page, name, Date.now()), page, record, read.pictures, onProgress);
  } finally {
    trainer.close();
  }
}

/** The one that the project was on, if it came along or is served here; else the usual one, for which its pictures are prepared anew. */
async function backboneOf({ files, backbone }: ProjectFile): Promise<BackboneFiles | { readonly folder: string }> {
  if (files !== null) return files;
  const entries = await listBackbones();
  const found = entries.find((entry) => idOf(entry) === backbone) ?? entries.find((entry: BackboneEntry) => entry.default);
  if (found === undefined) throw new HeadstartError({ code: 'backbone_not_found', message: `The backbone “${backbone}” is not served here.`, value: backbone });
  return { folder: found.folder };
}

/** The trainer's classes, with the pictures' names. */
function classesOf(trainer: Trainer, pictures: readonly FilePicture[]): ClassState[] {
  const names = new Map(pictures.map(({ key, name }) => [key, name]));
  const called = (key: Key): string => {
    const name = names.get(key);
    if (name === undefined) throw new HeadstartError({ code: 'project_file_invalid', message: `The file lacks picture number ${key}.`, value: String(key) });
    return name;
  };
  return trainer.classes.map(({ id, name, images, test }) => {
    const toTest = new Set(test);
    // In the order in which they came.
    const all = [...images, ...test].sort((one, other) => one - other);
    return { key: id, name, pictures: all.map((key) => ({ key, name: called(key), ...(toTest.has(key) && { test: true as const }) })) };
  });
}

function pageOf(id: string, classes: readonly ClassState[], labels: readonly ModelClass[] | null, { project, model, stale }: ProjectFile): PageRecord {
  // Core has accepted it, so it is what core writes, or wrote before.
  const written = JSON.parse(project) as { dataset: { next_class: number; next_image: number }; model: { report?: StoredReport | null } | null };
  const report = written.model?.report ? reportOf(written.model.report) : null;
  return {
    id,
    classes,
    // The page counts classes and pictures from 1.
    nextKey: Math.max(1, written.dataset.next_class),
    nextPicture: Math.max(1, written.dataset.next_image),
    run: { ...NO_RUN, report, stale: report !== null && stale },
    interrupted: null,
    ofModel: null,
    backbone: null,
    model: labels,
    models: model === null ? 0 : 1,
    merges: [],
  };
}

/** Until all of it is there it counts as deleted, so that half of one is forgotten where the page goes meanwhile. */
async function put(
  place: ProjectPlace,
  summary: ProjectRecord,
  page: PageRecord,
  trainer: TrainerRecord,
  pictures: readonly FilePicture[],
  onProgress: OnProgress,
): Promise<void> {
  const half = { summary: { ...summary, deleted: NEVER_WHOLE }, page: { ...page, classes: [] }, listed: [], trainer: null, removed: [] };
  const wanted = new Set(page.classes.flatMap((each) => each.pictures.map(({ key }) => key)));
  const all = pictures.filter(({ key }) => wanted.has(key));
  let added: PictureRecord[] = [];
  let bytes = 0;
  try {
    for (const [index, { key, name, read }] of all.entries()) {
      const picture = { project: place.id, key, name, ...(await read()) };
      added.push(picture);
      bytes += picture.blob.size;
      if (added.length < BATCH && bytes < BATCH_BYTES && index < all.length - 1) continue;
      await place.write({ ...half, added });
      onProgress(index + 1, all.length);
      [added, bytes] = [[], 0];
    }
    await place.write({ summary, page, listed: [], trainer, added: [], removed: [] });
  } catch (error) {
    await place.forget().catch(() => undefined);
    throw error;
  }
}
