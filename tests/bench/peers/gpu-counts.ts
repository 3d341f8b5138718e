/** What is asked of WebGPU, counted by its own methods: unlike times, the same on every adapter. */

/** What a page and its workers asked of WebGPU. */
export interface Counts {
  dispatches: number;
  passes: number;
  submissions: number;
  /** From buffer to buffer on the device. */
  copies: number;
  /** Buffers that were mapped to be read: each waits for all that was submitted before it. */
  readbacks: number;
  /** From the page to the device: by the queue, or in a buffer that was mapped to be written. */
  bytesWritten: number;
  bytesRead: number;
  buffers: number;
  pipelines: number;
}

/** The words of the table for them. */
export const COUNTED: Readonly<Record<keyof Counts, string>> = {
  dispatches: 'dispatches',
  passes: 'passes',
  submissions: 'submissions',
  copies: 'copies on the device',
  readbacks: 'readbacks',
  bytesWritten: 'bytes written',
  bytesRead: 'bytes read back',
  buffers: 'buffers made',
  pipelines: 'pipelines made',
};

const KEYS = Object.keys(COUNTED) as (keyof Counts)[];
const each = (of: (key: keyof Counts) => number): Counts => Object.fromEntries(KEYS.map((key) => [key, of(key)])) as unknown as Counts;

export const sum = (all: readonly Counts[]): Counts => each((key) => all.reduce((total, counts) => total + counts[key], 0));
/** What was counted between two moments, as a share of so many pieces of work. */
export const between = (before: Counts, after: Counts, by = 1): Counts => each((key) => (after[key] - before[key]) / by);

declare global {
  /** Since the page or the worker began; not there without WebGPU. */
  var gpuCounts: Counts | undefined;
}

/** Runs in a page or in a worker before its own code, so it can use nothing from outside of itself. */
export function installCounts(): void {
  if (!('GPUQueue' in globalThis)) return;
  const counts: Counts = { dispatches: 0, passes: 0, submissions: 0, copies: 0, readbacks: 0, bytesWritten: 0, bytesRead: 0, buffers: 0, pipelines: 0 };
  globalThis.gpuCounts = counts;
  const noteCalls = <Arguments extends unknown[]>(type: string, name: string, note: (self: { size: number }, ...args: Arguments) => void): void => {
    const { prototype } = (globalThis as unknown as Record<string, { prototype: Record<string, (...args: Arguments) => unknown> }>)[type]!;
    const method = prototype[name]!;
    prototype[name] = function (this: { size: number }, ...args) {
      note(this, ...args);
      return method.apply(this, args);
    };
  };
  const count = (key: keyof Counts) => () => void (counts[key] += 1);
  noteCalls('GPUComputePassEncoder', 'dispatchWorkgroups', count('dispatches'));
  noteCalls('GPUComputePassEncoder', 'dispatchWorkgroupsIndirect', count('dispatches'));
  noteCalls('GPUCommandEncoder', 'beginComputePass', count('passes'));
  noteCalls('GPUCommandEncoder', 'copyBufferToBuffer', count('copies'));
  noteCalls('GPUQueue', 'submit', count('submissions'));
  noteCalls('GPUDevice', 'createComputePipeline', count('pipelines'));
  noteCalls('GPUDevice', 'createComputePipelineAsync', count('pipelines'));
  noteCalls('GPUDevice', 'createBuffer', (_, { size, mappedAtCreation }: { size: number; mappedAtCreation?: boolean }) => {
    counts.buffers += 1;
    if (mappedAtCreation) counts.bytesWritten += size;
  });
  noteCalls('GPUBuffer', 'mapAsync', ({ size }, mode: number, offset: number = 0, length: number = size - offset) => {
    // GPUMapMode.READ
    if (mode === 1) counts.readbacks += 1;
    counts[mode === 1 ? 'bytesRead' : 'bytesWritten'] += length;
  });
  noteCalls('GPUQueue', 'writeBuffer', (_, _buffer: object, _at: number, data: { byteLength: number; BYTES_PER_ELEMENT?: number }, from: number = 0, length?: number) => {
    const { byteLength, BYTES_PER_ELEMENT: unit = 1 } = data;
    counts.bytesWritten += length === undefined ? byteLength - from * unit : length * unit;
  });
}
