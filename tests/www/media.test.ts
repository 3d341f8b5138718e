import { describe, expect, it } from 'vitest';
import { listCameras, openCamera, record, type Frame } from '../../www/headstart.js';
import { filesOfInput, filesOfTransfer, sortFound, type FoundFile } from '../../www/media/index.js';

const file = (name: string) => new File(['x'], name);

/** A file as an input with `webkitdirectory` gives it. */
const at = (path: string) => Object.defineProperty(file(path.split('/').at(-1) ?? ''), 'webkitRelativePath', { value: path });

const sizes = (groups: Map<string | null, FoundFile[]>) => Object.fromEntries([...groups].map(([name, files]) => [name, files.length]));

/** A dropped folder as the browser hands it out: two entries at a time. */
function folder(name: string, entries: FileSystemEntry[]): FileSystemEntry {
  const createReader = () => {
    let at = 0;
    return { readEntries: (resolve: (part: FileSystemEntry[]) => void) => resolve(entries.slice(at, (at += 2))) };
  };
  return { name, isDirectory: true, isFile: false, createReader } as unknown as FileSystemEntry;
}

function entry(name: string): FileSystemEntry {
  const give = (resolve: (file: File) => void) => resolve(file(name));
  return { name, isDirectory: false, isFile: true, file: give } as unknown as FileSystemEntry;
}

const item = (of: FileSystemEntry | null, given: File | null, kind = 'file') => ({
  kind,
  webkitGetAsEntry: () => of,
  getAsFile: () => given,
});

describe('files', () => {
  it('walks dropped folders to the end and tells which folder held a file', async () => {
    const cats = folder('cats', ['10.jpg', '9.jpg', '1.jpg', '.DS_Store', '2.jpg'].map(entry));
    const items = [
      item(folder('all', [cats, folder('dogs', [entry('d.jpg'), entry('Thumbs.db')])]), null),
      item(null, file('single.png')),
      item(null, null, 'string'),
    ];
    const { classes, tests } = sortFound(await filesOfTransfer({ items }));
    expect([...classes.keys()]).toEqual(['cats', 'dogs', null]);
    expect(classes.get('cats')?.map(({ file }) => file.name)).toEqual(['1.jpg', '2.jpg', '9.jpg', '10.jpg']);
    expect(classes.get(null)?.map(({ file }) => file.name)).toEqual(['single.png']);
    expect(tests.size).toBe(0);
  });

  it('reads the folders of a file input', () => {
    expect(filesOfInput([at('all/cats/1.jpg'), file('2.jpg')]).map((found) => found.folders)).toEqual([['all', 'cats'], []]);
  });

  it('tells the test sets of dropped folders from what is to learn from', async () => {
    const classes = () => [folder('cat', [entry('1.jpg')]), folder('dog', [entry('2.jpg')])];
    const root = folder('animals', [folder('Train', classes()), folder('TEST', classes()), folder('val', [folder('cat', [entry('3.jpg')])])]);
    const found = sortFound(await filesOfTransfer({ items: [item(root, null)] }));
    expect(sizes(found.classes)).toEqual({ cat: 1, dog: 1 });
    expect(sizes(found.tests)).toEqual({ TEST: 2, val: 1 });
    expect(sizes(found.tested)).toEqual({ cat: 2, dog: 1 });
  });

  it.each([
    ['train/cat/1.jpg test/cat/2.jpg', { cat: 1 }, { test: 1 }],
    // Nobody has sorted these into classes.
    ['all/training/cat/1.jpg all/testing/2.jpg', { cat: 1 }, { testing: 1 }],
    ['all/valid/cat/1.jpg', {}, { valid: 1 }],
    // Each class is split inside of its own folder.
    ['all/cat/train/1.jpg all/cat/validation/2.jpg all/dog/train/3.jpg', { cat: 1, train: 1 }, { validation: 1 }],
    // A person has these classes.
    ['vehicles/train/1.jpg vehicles/plane/2.jpg', { train: 1, plane: 1 }, {}],
    ['all/test/1.jpg all/control/2.jpg all/contest/a/3.jpg', { test: 1, control: 1, a: 1 }, {}],
  ])('sorts %s by what it is for', (paths, classes, tests) => {
    const found = sortFound(filesOfInput(paths.split(' ').map(at)));
    expect(sizes(found.classes)).toEqual(classes);
    expect(sizes(found.tests)).toEqual(tests);
  });
});

describe('the class of a test picture', () => {
  it.each([
    ['train/cat/1.jpg test/cat/2.jpg test/dog/3.jpg', { cat: 1, dog: 1 }],
    ['all/valid/cat/1.jpg', { cat: 1 }],
    // Each class is split inside of its own folder.
    ['all/cat/train/1.jpg all/cat/test/2.jpg all/dog/train/3.jpg all/dog/test/4.jpg', { cat: 1, dog: 1 }],
    // Nobody has sorted these.
    ['all/train/cat/1.jpg all/test/2.jpg', { null: 1 }],
    ['train/1.jpg test/2.jpg', { null: 1 }],
    ['cat/1.jpg dog/2.jpg', {}],
  ])('in %s', (paths, tested) => {
    expect(sizes(sortFound(filesOfInput(paths.split(' ').map(at))).tested)).toEqual(tested);
  });
});

describe('camera', () => {
  const failing = (name: string) => ({
    enumerateDevices: () => Promise.resolve([]),
    getUserMedia: () => Promise.reject(Object.assign(new Error('no'), { name })),
  });

  it.each([
    ['NotAllowedError', 'camera_denied'],
    ['NotFoundError', 'camera_missing'],
    ['OverconstrainedError', 'camera_missing'],
    ['NotReadableError', 'camera_busy'],
    ['AbortError', 'camera_busy'],
  ])('tells %s as %s', async (name, code) => {
    await expect(openCamera({ id: 'front' }, failing(name))).rejects.toMatchObject({ code });
  });

  it('asks for the chosen camera and stops what it opened', async () => {
    let asked: unknown;
    let stopped = false;
    const track = { label: 'Front', getSettings: () => ({ deviceId: 'front', facingMode: 'environment' }), stop: () => (stopped = true) };
    const stream = { getVideoTracks: () => [track], getTracks: () => [track] };
    const camera = await openCamera(
      { id: 'front' },
      { enumerateDevices: () => Promise.resolve([]), getUserMedia: (constraints) => ((asked = constraints), Promise.resolve(stream as unknown as MediaStream)) },
    );
    expect(asked).toMatchObject({ audio: false, video: { deviceId: { exact: 'front' } } });
    expect(camera).toMatchObject({ id: 'front', label: 'Front', facesUser: false });
    camera.stop();
    expect(stopped).toBe(true);
  });

  it('names cameras that the browser does not name yet', async () => {
    const devices = ['audioinput', 'videoinput', 'videoinput'].map((kind) => ({ kind, deviceId: '', label: '' }) as MediaDeviceInfo);
    const listed = await listCameras({ ...failing(''), enumerateDevices: () => Promise.resolve(devices) });
    expect(listed.map(({ label }) => label)).toEqual(['Camera 1', 'Camera 2']);
  });
});

describe('record', () => {
  const video = { readyState: 4, videoWidth: 2 } as HTMLVideoElement;
  const grab = () => Promise.resolve({} as ImageBitmap);

  it('takes frames of one group until it is stopped', async () => {
    const recording = record(video, { framesPerSecond: 100, grab });
    const frames: Frame[] = [];
    for await (const frame of recording) {
      frames.push(frame);
      if (frames.length === 3) recording.stop();
    }
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(new Set(frames.map(({ group }) => group))).toEqual(new Set([recording.group]));
    expect(record(video, { grab }).group).not.toBe(recording.group);
  });

  it('gives a slow loop fewer frames instead of a backlog', async () => {
    const began = performance.now();
    const times: number[] = [];
    for await (const _ of record(video, { framesPerSecond: 100, maxFrames: 4, grab })) {
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    expect(times).toHaveLength(4);
    expect(times[3]).toBeGreaterThan(115);
  });

  it('waits for a video that has no picture yet', async () => {
    const starting = { readyState: 0, videoWidth: 0 };
    setTimeout(() => Object.assign(starting, { readyState: 4, videoWidth: 2 }), 50);
    const began = performance.now();
    for await (const { index } of record(starting as HTMLVideoElement, { framesPerSecond: 100, maxFrames: 1, grab })) expect(index).toBe(0);
    expect(performance.now() - began).toBeGreaterThan(45);
  });
});
