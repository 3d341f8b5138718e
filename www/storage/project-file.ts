/**
 * A project as one file: a zip of
 *
 * - `manifest.json`: version, name, the list of pictures, and length and SHA-256 of every other member;
 * - `project.json`: the written form, which core checks; `model.zip`: the saved model, where there is one;
 * - `pictures/ID.EXTENSION`: the pictures as they came, and `thumbnails/ID`;
 * - `backbone/model.safetensors` and `backbone/config.json`: a backbone that came from files.
 *
 * Loaded when the first one is written or opened.
 */
import { BlobReader, BlobWriter, configure, TextReader, ZipWriter } from '@zip.js/zip.js/lib/zip-core-custom.js';
import { hashOf } from '../import/hash.js';
import { MAX_LIST_BYTES, MAX_PROJECT_ENTRY_BYTES } from '../import/limits.js';
import { ImportRefusal } from '../import/refusal.js';
import type { Given } from '../import/types.js';
import { openZip } from '../import/zip.js';
import type { Key } from '../state/types.js';
import type { TrainerRecord } from './database.js';
import { longestText } from './longest-text.js';

configure({ useWebWorkers: false });

/** Raised when an older reader would misread a newer file. */
const VERSION = 1;

/** Bytes of a thumbnail; a larger one is none, and is made anew. */
const MAX_THUMBNAIL_BYTES = 100_000;
/** Letters of any text: a name, a group, what a report says. */
const MAX_LETTERS = 1000;

/** How far it is, in pictures. */
export type OnProgress = (done: number, total: number) => void;

interface Member {
  readonly bytes: number;
  readonly sha256: string;
}

interface Manifest {
  readonly headstart_project_file: number;
  readonly name: string;
  /** Whether the result is about other pictures than these. */
  readonly stale: boolean;
  /** The folder's name of the backbone, or what to call the one that lies beside. */
  readonly backbone: string;
  readonly pictures: readonly {
    readonly id: Key;
    readonly name: string;
    /** Those of one recording share it. */
    readonly group: string | null;
    readonly file: string;
    readonly thumbnail: string | null;
  }[];
  readonly members: Readonly<Record<string, Member>>;
}

/** A picture with its file. */
export interface FilePicture {
  readonly key: Key;
  readonly name: string;
  read(): Promise<{ readonly blob: Blob; readonly thumbnail: Blob | null; readonly group: string | undefined }>;
}

/** What is written. */
export interface ProjectContents {
  readonly name: string;
  readonly stale: boolean;
  /** The folder's name of a backbone that is served; null where it comes from files. */
  readonly served: string | null;
  readonly trainer: TrainerRecord;
  readonly pictures: readonly FilePicture[];
}

/** What was read. Its parts are the very bytes that were written; what they say is for core to check. */
export interface ProjectFile {
  readonly name: string;
  readonly stale: boolean;
  readonly backbone: string;
  /** The backbone's files, where it came from such. */
  readonly files: { readonly weights: Blob; readonly config?: Blob } | null;
  readonly project: string;
  readonly model: Blob | null;
  readonly pictures: readonly FilePicture[];
}

/** The project as a file. */
export async function writeProjectFile(contents: ProjectContents, onProgress: OnProgress): Promise<Blob> {
  const { name, stale, served, trainer, pictures } = contents;
  const zip = new ZipWriter(new BlobWriter('application/zip'));
  const members: Record<string, Member> = {};
  const put = async (path: string, blob: Blob, level = 0): Promise<string> => {
    members[path] = { bytes: blob.size, sha256: await hashOf(blob) };
    await zip.add(path, new BlobReader(blob), { level });
    return path;
  };
  await put('project.json', new Blob([trainer.project]), 6);
  if (trainer.model !== null) await put('model.zip', trainer.model);
  const { backbone } = trainer;
  if (served === null && typeof backbone !== 'string') {
    await put('backbone/model.safetensors', backbone.weights);
    if (backbone.config !== undefined) await put('backbone/config.json', new Blob([backbone.config]));
  }
  const listed: Manifest['pictures'][number][] = [];
  for (const picture of pictures) {
    const { blob, thumbnail, group } = await picture.read();
    const file = await put(`pictures/${picture.key}${extensionOf(blob, picture.name)}`, blob);
    const small = thumbnail && (await put(`thumbnails/${picture.key}`, thumbnail));
    listed.push({ id: picture.key, name: picture.name, group: group ?? null, file, thumbnail: small });
    onProgress(listed.length, pictures.length);
  }
  const manifest: Manifest = { headstart_project_file: VERSION, name, stale, backbone: served ?? trainer.backboneName, pictures: listed, members };
  await zip.add('manifest.json', new TextReader(JSON.stringify(manifest)), { level: 6 });
  return zip.close();
}

/**
 * Reads a project file. Pictures are read when they are asked for, each checked against its hash then.
 *
 * @throws {@link ImportRefusal} where it is none, of another version, damaged, or made to do harm.
 */
export async function readProjectFile(file: Blob): Promise<ProjectFile> {
  const { files, leftOut } = await openZip(file, [], MAX_PROJECT_ENTRY_BYTES);
  const [first] = leftOut;
  if (first !== undefined) throw new ImportRefusal('zip_invalid', `has a file in it, “${first.name}”, that ${first.reason}`);
  const there = new Map(files.map((each) => [[...each.folders, each.name].join('/'), each]));
  const manifest = await readManifest(there.get('manifest.json'));
  const read = async (path: string): Promise<Blob> => checked(path, there.get(path), manifest.members[path]);
  const maybe = (path: string): Promise<Blob> | null => (path in manifest.members || there.has(path) ? read(path) : null);
  const pictures = manifest.pictures.map(({ id, name, group, file: path, thumbnail }) => ({
    key: id,
    name,
    read: async () => {
      const small = thumbnail === null ? null : await read(thumbnail);
      return { group: group ?? undefined, blob: await read(path), thumbnail: small && small.size <= MAX_THUMBNAIL_BYTES ? small : null };
    },
  }));
  const [weights, config] = [await maybe('backbone/model.safetensors'), await maybe('backbone/config.json')];
  return {
    name: manifest.name,
    stale: manifest.stale,
    backbone: manifest.backbone,
    files: weights && { weights, ...(config && { config }) },
    project: await textOf('project.json', await read('project.json')),
    model: await maybe('model.zip'),
    pictures,
  };
}

async function readManifest(given: Given | undefined): Promise<Manifest> {
  if (given === undefined) throw new ImportRefusal('project_file_kind', 'is no project file: it has no manifest.json in it');
  if (given.size > MAX_LIST_BYTES) throw tooLarge('manifest.json');
  const text = await textOf('manifest.json', await given.read());
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('its manifest.json is no JSON');
  }
  const version = isRecord(value) ? value['headstart_project_file'] : undefined;
  if (version === undefined) throw new ImportRefusal('project_file_kind', 'is no project file: its manifest is another one’s');
  if (version !== VERSION) {
    throw new ImportRefusal('project_file_version', `is a project of version ${JSON.stringify(version).slice(0, 20)}, and this page reads ${VERSION}`);
  }
  if (!isManifest(value)) throw invalid('its manifest.json lacks something');
  return value;
}

function isManifest(value: unknown): value is Manifest {
  if (!isRecord(value)) return false;
  const { name, stale, backbone, pictures, members } = value;
  const isText = (text: unknown): boolean => typeof text === 'string';
  const isPicture = (each: unknown): boolean =>
    isRecord(each) && Number.isSafeInteger(each['id']) && isText(each['name']) && isText(each['file']) && (each['group'] === null || isText(each['group'])) && (each['thumbnail'] === null || isText(each['thumbnail']));
  const isMember = (each: unknown): boolean => isRecord(each) && Number.isSafeInteger(each['bytes']) && isText(each['sha256']);
  return (
    isText(name) && typeof stale === 'boolean' && isText(backbone) && Array.isArray(pictures) && pictures.every(isPicture) &&
    isRecord(members) && Object.values(members).every(isMember)
  );
}

/** Text that names things, none of them at a length that nobody would give them. */
async function textOf(path: string, blob: Blob): Promise<string> {
  if (blob.size > MAX_LIST_BYTES) throw tooLarge(path);
  const text = await blob.text();
  const longest = longestText(text);
  if (longest <= MAX_LETTERS) return text;
  throw new ImportRefusal('project_file_invalid', `cannot be opened: something in its ${path} has a name of ${longest.toLocaleString('en')} letters`);
}

function tooLarge(path: string): ImportRefusal {
  return new ImportRefusal('project_file_invalid', `cannot be opened: its ${path} is larger than ${MAX_LIST_BYTES / 1e6} MB`);
}

async function checked(path: string, given: Given | undefined, member: Member | undefined): Promise<Blob> {
  if (given === undefined || member === undefined) throw invalid(`“${path.slice(0, 100)}” is missing`);
  if (given.size !== member.bytes) throw invalid(`“${path.slice(0, 100)}” is not as long as it was`);
  const blob = await given.read();
  if ((await hashOf(blob)) !== member.sha256) throw invalid(`“${path.slice(0, 100)}” was changed`);
  return blob;
}

function invalid(reason: string): ImportRefusal {
  return new ImportRefusal('project_file_invalid', `is damaged: ${reason}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What other programs know the file by. */
function extensionOf(blob: Blob, name: string): string {
  const own = /\.[a-z0-9]{1,5}$/i.exec(name)?.[0]?.toLowerCase();
  const [, kind = ''] = /^image\/([a-z0-9]+)/.exec(blob.type) ?? [];
  return own ?? (kind === '' ? '' : `.${kind.replace('jpeg', 'jpg')}`);
}
