import type { EngineKind, EngineReport, Workload } from '../generated/types.js';

const NAMES: Readonly<Record<EngineKind, string>> = { webgpu: 'WebGPU', cpu: 'the CPU' };

const DOES: Readonly<Record<Workload, string>> = {
  embedding: 'takes pictures in',
  prediction: 'predicts',
  head: 'trains the head',
  'fine-tuning': 'fine-tunes',
};

/** What a kind of work runs on, as a sentence goes on. */
export function engineOf(report: EngineReport | null, workload: Workload): string {
  return NAMES[report?.workloads.find((each) => each.workload === workload)?.kind ?? 'cpu'];
}

/** What runs where, and why. */
export function describeEngine({ undecided, workloads, reason, kind }: EngineReport): string {
  if (undecided) return 'Computes on the CPU while the GPU is being tried.';
  const of = (engine: EngineKind): string[] => workloads.filter((each) => each.kind === engine).map(({ workload }) => DOES[workload]);
  const [gpu, cpu] = [of('webgpu'), of('cpu')];
  if (gpu.length === 0 || cpu.length === 0) return `Computes on ${NAMES[kind]}. ${inShort(reason)}`;
  const main = gpu.length < cpu.length ? 'cpu' : 'webgpu';
  const [other, less] = main === 'cpu' ? ['WebGPU', gpu] : ['the CPU', cpu];
  return `Computes on ${NAMES[main]}; ${other} ${less.join(' and ')}, which is faster there.`;
}

/** All that was measured, a line for each kind of work; empty where nothing was. */
export function engineFigures({ workloads }: EngineReport): string {
  const figure = (milliseconds: number): string => `${milliseconds.toFixed(1)} ms`;
  const lines = workloads.flatMap(({ workload, cpuMilliseconds, gpuMilliseconds }) =>
    cpuMilliseconds === null || gpuMilliseconds === null
      ? []
      : [`${PIECES[workload]}: ${figure(gpuMilliseconds)} on WebGPU, ${figure(cpuMilliseconds)} on the CPU`],
  );
  return lines.join('\n');
}

const PIECES: Readonly<Record<Workload, string>> = {
  embedding: 'A picture taken in',
  prediction: 'A prediction',
  head: 'A step of the head',
  'fine-tuning': 'A step of the last two stages, of four pictures',
};

const LONG = 120;

/** What a driver said about itself, in brackets, can be very long; it stays in the tooltip. */
function inShort(reason: string): string {
  return reason.length <= LONG ? reason : reason.replace(/ \(.*\)/s, '');
}
