/** What the benchmark against other libraries counts, on a WebGPU that does nothing. */
import { afterEach, expect, it, vi } from 'vitest';
import { between, installCounts, sum, type Counts } from '../bench/peers/gpu-counts.js';

class Encoder {
  beginComputePass(): void {}
  copyBufferToBuffer(): void {}
}
class Pass {
  dispatchWorkgroups(): void {}
  dispatchWorkgroupsIndirect(): void {}
}
class Queue {
  submit(): string {
    return 'submitted';
  }
  writeBuffer(..._: unknown[]): void {}
}
class Device {
  createComputePipeline(): void {}
  async createComputePipelineAsync(): Promise<void> {}
  createBuffer(_: { size: number; mappedAtCreation?: boolean }): void {}
}
class Buffer {
  size = 100;
  async mapAsync(..._: number[]): Promise<void> {}
}

afterEach(() => vi.unstubAllGlobals());

function install(): Counts {
  const types = { GPUCommandEncoder: Encoder, GPUComputePassEncoder: Pass, GPUQueue: Queue, GPUDevice: Device, GPUBuffer: Buffer };
  for (const [name, type] of Object.entries(types)) vi.stubGlobal(name, type);
  installCounts();
  return globalThis.gpuCounts!;
}

it('counts calls, and bytes in both directions', async () => {
  const counts = install();
  const [encoder, pass, queue, device, buffer] = [new Encoder(), new Pass(), new Queue(), new Device(), new Buffer()];
  encoder.beginComputePass();
  pass.dispatchWorkgroups();
  pass.dispatchWorkgroupsIndirect();
  encoder.copyBufferToBuffer();
  expect(queue.submit()).toBe('submitted');
  device.createComputePipeline();
  await device.createComputePipelineAsync();
  device.createBuffer({ size: 1000 });
  const nothing: Counts = { dispatches: 2, passes: 1, submissions: 1, copies: 1, readbacks: 0, bytesWritten: 0, bytesRead: 0, buffers: 1, pipelines: 2 };
  expect(counts).toEqual(nothing);

  const written = async (act: () => unknown): Promise<number> => {
    const before = { ...counts };
    await act();
    return between(before, counts).bytesWritten;
  };
  expect(await written(() => device.createBuffer({ size: 64, mappedAtCreation: true }))).toBe(64);
  // GPUMapMode.WRITE
  expect(await written(() => buffer.mapAsync(2))).toBe(100);
  // Where it begins and how long it is are told in elements of a typed array, and in bytes of anything else.
  expect(await written(() => queue.writeBuffer(buffer, 0, new Float32Array(8)))).toBe(32);
  expect(await written(() => queue.writeBuffer(buffer, 0, new Float32Array(8), 3))).toBe(20);
  expect(await written(() => queue.writeBuffer(buffer, 0, new Float32Array(8), 3, 2))).toBe(8);
  expect(await written(() => queue.writeBuffer(buffer, 0, new ArrayBuffer(32), 3, 2))).toBe(2);
  expect(counts.readbacks).toBe(0);

  // GPUMapMode.READ
  await buffer.mapAsync(1);
  await buffer.mapAsync(1, 40);
  await buffer.mapAsync(1, 40, 8);
  expect(counts).toMatchObject({ readbacks: 3, bytesRead: 168 });
});

it('takes counts together and apart', () => {
  const two = { ...install(), dispatches: 2, buffers: 4 };
  const six = sum([two, two, two]);
  expect(six).toMatchObject({ dispatches: 6, buffers: 12, passes: 0 });
  expect(between(two, six, 2)).toMatchObject({ dispatches: 2, buffers: 4, passes: 0 });
});
