import { HeadstartError } from './error.js';

/** A frame of a video. */
export interface Frame {
  /** Its pixels. Whoever is handed it closes it. */
  bitmap: ImageBitmap;
  /** Counts from 0 within its recording. */
  index: number;
  /**
   * The same for all frames of one recording: hand it to `addImage`, so that near-copies are never both trained on and tested on.
   */
  group: string;
}

/** How {@link record} works. */
export interface RecordOptions {
  /** Frames a second; 8 by default. More are nearly the same picture. */
  framesPerSecond?: number;
  /** Ends by itself after so many frames. */
  maxFrames?: number;
  /** How a frame is taken; `createImageBitmap` of the browser by default. */
  grab?: (video: HTMLVideoElement) => Promise<ImageBitmap>;
}

/** A recording that goes on until it is stopped. */
export interface Recording extends AsyncIterable<Frame> {
  /** That of all its frames. */
  readonly group: string;
  /** Ends the recording: the button was let go. */
  stop(): void;
}

/**
 * Takes frames from a playing video until {@link Recording.stop} or its end: hold to record.
 *
 * ```ts
 * const recording = record(video);
 * button.onpointerup = () => recording.stop();
 * for await (const { bitmap, group } of recording) void trainer.addImage('cat', bitmap, { group }).finally(() => bitmap.close());
 * ```
 *
 * A loop that is slower than the video gets fewer frames, never a backlog.
 */
export function record(video: HTMLVideoElement, options: RecordOptions = {}): Recording {
  const { framesPerSecond = 8, maxFrames = Infinity, grab = (element) => createImageBitmap(element) } = options;
  const group = newGroup();
  let stopped = false;
  let wake = () => {};
  return {
    group,
    stop() {
      stopped = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      const interval = 1000 / framesPerSecond;
      let due = performance.now();
      for (let index = 0; !stopped && !isOver(video) && index < maxFrames; ) {
        if (hasFrame(video)) yield { bitmap: await grab(video), index: index++, group };
        // A late frame moves the ones after it: catching up would take two of the same moment.
        due = Math.max(due + interval, performance.now());
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (stopped) resolve();
          else setTimeout(resolve, due - performance.now());
        });
      }
    },
  };
}

/** What shows one picture after the other. */
export type FrameSource = HTMLVideoElement | HTMLCanvasElement;

/**
 * What is made of one frame after the other. The next is taken when both sides are done with the one before, so that what was shown
 * meanwhile is left out. It ends where the video does, and throws the signal's reason.
 */
export async function* eachShown<T>(source: FrameSource, look: () => Promise<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  let failed = 0;
  while (!isOver(source)) {
    signal?.throwIfAborted();
    await nextFrame(source, signal);
    signal?.throwIfAborted();
    if (!hasFrame(source) || isOver(source)) continue;
    let seen: T;
    try {
      seen = await look();
      failed = 0;
    } catch (error) {
      failed += 1;
      if (!isUnreadable(error) || failed === MOST_UNREADABLE) throw error;
      continue;
    }
    yield seen;
  }
}

/** A camera that was just opened has frames of which no picture can be taken, for a second or so. */
const MOST_UNREADABLE = 60;

/** Another error than this, such as that of a video of another site, stays. */
function isUnreadable(error: unknown): boolean {
  return error instanceof HeadstartError && error.cause instanceof DOMException && error.cause.name === 'InvalidStateError';
}

/**
 * Calls `use` with one new frame after another until the signal aborts or the video is over, at the pace of `use` and of the video: live
 * predictions. `use` owns the frame that it is handed; an error of it ends the loop.
 */
export async function eachFrame(
  video: HTMLVideoElement,
  use: (bitmap: ImageBitmap) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && !isOver(video)) {
    await nextFrame(video, signal);
    if (signal.aborted || isOver(video)) return;
    if (hasFrame(video)) await use(await createImageBitmap(video));
  }
}

/** A name for the pictures of one recording, different every time. */
export function newGroup(): string {
  return crypto.randomUUID();
}

function hasFrame(source: FrameSource): boolean {
  return 'videoWidth' in source ? source.readyState >= 2 && source.videoWidth > 0 : source.width > 0 && source.height > 0;
}

/** Whether no frame will come any more: the video has ended, or its camera was switched off, of which browsers tell the element nothing. */
function isOver(source: FrameSource): boolean {
  if (!('ended' in source)) return false;
  return source.ended || (source.srcObject instanceof MediaStream && !source.srcObject.active);
}

/** How often it is looked at whether the video is over. */
const LOOK_MS = 250;

/** Resolves when another frame is shown, when the video is over, or on a signal; the browser calls for none while the page is hidden. */
function nextFrame(source: FrameSource, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cancel = onFrame(source, () => done());
    const done = (): void => {
      cancel();
      clearInterval(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setInterval(() => {
      if (isOver(source)) done();
    }, LOOK_MS);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}

/** Calls back once for the next frame; gives what takes that back. */
function onFrame(source: FrameSource, call: () => void): () => void {
  if ('requestVideoFrameCallback' in source) {
    const handle = source.requestVideoFrameCallback(call);
    return () => source.cancelVideoFrameCallback(handle);
  }
  const handle = requestAnimationFrame(call);
  return () => cancelAnimationFrame(handle);
}
