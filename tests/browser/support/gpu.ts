/** WebGPU as a page's workers find it: watched, lost at a moment of the test's choice, less able, or wrong. */
import type { Page } from 'playwright-core';

/** What a worker's WebGPU is made into before the worker's own code runs, as code. */
export type Prelude = string;

/** `run` and what it is given as a prelude. It can use nothing from outside of itself. */
export const prelude = <T>(run: (argument: T) => void, argument: T): Prelude => `if ('GPUAdapter' in globalThis) (${run})(${JSON.stringify(argument)});\n`;

/** Has every worker that the page starts from now on begin with these. */
export async function beforeWorkers(page: Page, ...preludes: Prelude[]): Promise<void> {
  await page.route('**/worker-*.js', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: preludes.join('') + (await response.text()) });
  });
}

/** The GPU of a worker, as {@link watched} keeps it. */
export interface Watched {
  device: GPUDevice | null;
  dispatches: number;
  /** The dispatch at which the device is destroyed. */
  at: number;
  /** So many milliseconds later, or null for at once, before anything else is said to the GPU. */
  after: number | null;
  /** When it was destroyed, in milliseconds since 1970. */
  lost: number | null;
}

declare global {
  var watchedGpu: Watched | undefined;
}

/** Counts what the GPU is given to compute, destroys it when {@link loseAfter} says so, and logs what it refuses as errors. */
export const watched = prelude(() => {
  const state: Watched = { device: null, dispatches: 0, at: Infinity, after: null, lost: null };
  globalThis.watchedGpu = state;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    device.addEventListener('uncapturederror', ({ error }) => console.error(error.message));
    state.device = device;
    return device;
  };
  const lose = (): void => {
    state.lost = performance.timeOrigin + performance.now();
    state.device?.destroy();
  };
  const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
  GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...counts) {
    dispatchWorkgroups.apply(this, counts);
    state.dispatches += 1;
    if (state.dispatches !== state.at) return;
    if (state.after === null) lose();
    else setTimeout(lose, state.after);
  };
}, null);

/** Asks the worker of the page that was the last to get a GPU. */
async function ask<T, A>(page: Page, question: (gpu: Watched, argument: A) => T, argument: A): Promise<T> {
  const code = `globalThis.watchedGpu?.device ? [(${question})(globalThis.watchedGpu, ${JSON.stringify(argument)})] : null`;
  for (const worker of page.workers().reverse()) {
    // Helpers have none, and one that ends at this moment does not answer.
    const answer = (await worker.evaluate(code).catch(() => null)) as [T] | null;
    if (answer !== null) return answer[0];
  }
  throw new Error('no worker of the page has a GPU');
}

/** How often the GPU was given something to compute so far. */
export const dispatches = (page: Page): Promise<number> => ask(page, (gpu) => gpu.dispatches, null);

/** Destroys the device after so many more dispatches, and some milliseconds. */
export const loseAfter = (page: Page, count: number, after: number | null): Promise<void> =>
  ask(page, (gpu, { count, after }) => void Object.assign(gpu, { at: gpu.dispatches + count, after }), { count, after });

/** When the device was destroyed. */
export const lostAt = (page: Page): Promise<number | null> => ask(page, (gpu) => gpu.lost, null);

/** What the device was made with. */
export const ability = (page: Page): Promise<Ability> =>
  ask(
    page,
    ({ device }) => {
      const limits: { [name: string]: number } = {};
      for (const name in device!.limits) limits[name] = device!.limits[name as 'maxBufferSize'];
      return { limits, features: [...device!.features] as string[] };
    },
    null,
  );

/** What an adapter can do. */
export interface Ability {
  limits: { readonly [name: string]: number };
  features: readonly string[];
}

/** Has adapters offer no more than this: of limits those that are named, of features all or those that are named. */
export const lessAble = (limits: Ability['limits'], features: Ability['features'] | null): Prelude =>
  prelude(
    ({ limits, features }) => {
      const own = Object.getOwnPropertyDescriptors(GPUAdapter.prototype);
      Object.defineProperty(GPUAdapter.prototype, 'limits', {
        get(this: GPUAdapter) {
          const offered = (own.limits!.get as () => unknown).call(this) as { [name: string]: number };
          const all: { [name: string]: number } = {};
          for (const name in offered) all[name] = limits[name] ?? offered[name]!;
          return all;
        },
      });
      Object.defineProperty(GPUAdapter.prototype, 'features', {
        get(this: GPUAdapter) {
          const offered = (own.features!.get as () => unknown).call(this) as Set<string>;
          return features === null ? offered : new Set(features.filter((feature) => offered.has(feature)));
        },
      });
      const { requestDevice } = GPUAdapter.prototype;
      // The browser's own adapter would give more: what is not offered is refused as it would refuse it.
      GPUAdapter.prototype.requestDevice = async function (descriptor) {
        for (const feature of descriptor?.requiredFeatures ?? []) {
          if (!this.features.has(feature)) throw new TypeError(`no feature ${feature}`);
        }
        for (const [name, wanted] of Object.entries(descriptor?.requiredLimits ?? {})) {
          const offered = limits[name];
          if (offered === undefined || wanted === undefined) continue;
          if (name.startsWith('min') ? wanted < offered : wanted > offered) throw new DOMException(`${name} of ${wanted}`, 'OperationError');
        }
        return requestDevice.call(this, descriptor);
      };
    },
    { limits, features },
  );

/** Has the GPU compute something else than it is told: `from` in its programs is `to`. */
export const miscomputing = (from: string, to: string): Prelude =>
  prelude(
    ({ from, to }) => {
      const { createShaderModule } = GPUDevice.prototype;
      GPUDevice.prototype.createShaderModule = function (descriptor) {
        return createShaderModule.call(this, { ...descriptor, code: descriptor.code.replaceAll(from, to) });
      };
    },
    { from, to },
  );

/** The limits that the specification of WebGPU has every adapter offer at least. */
export const LEAST_LIMITS: Ability['limits'] = {
  maxTextureDimension1D: 8192,
  maxTextureDimension2D: 8192,
  maxTextureDimension3D: 2048,
  maxTextureArrayLayers: 256,
  maxBindGroups: 4,
  maxBindGroupsPlusVertexBuffers: 24,
  maxBindingsPerBindGroup: 1000,
  maxDynamicUniformBuffersPerPipelineLayout: 8,
  maxDynamicStorageBuffersPerPipelineLayout: 4,
  maxSampledTexturesPerShaderStage: 16,
  maxSamplersPerShaderStage: 16,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageTexturesPerShaderStage: 4,
  maxUniformBuffersPerShaderStage: 12,
  maxUniformBufferBindingSize: 65_536,
  maxStorageBufferBindingSize: 134_217_728,
  minUniformBufferOffsetAlignment: 256,
  minStorageBufferOffsetAlignment: 256,
  maxVertexBuffers: 8,
  maxBufferSize: 268_435_456,
  maxVertexAttributes: 16,
  maxVertexBufferArrayStride: 2048,
  maxInterStageShaderVariables: 16,
  maxColorAttachments: 8,
  maxColorAttachmentBytesPerSample: 32,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65_535,
};
