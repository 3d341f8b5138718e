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
export function describeEngine(report: EngineReport): string {
  const { undecided, workloads, reason } = report;
  const kinds = (['webgpu', 'cpu'] as const).filter((kind) => workloads.some((each) => each.kind === kind));
  if (undecided) return 'Computes on the CPU while the GPU is being tried.';
  if (kinds.length < 2) return `Computes on ${NAMES[kinds[0] ?? report.kind]}. ${inShort(reason)}`;
  const part = (kind: EngineKind): string => {
    const does = workloads.filter((each) => each.kind === kind).map(({ workload }) => DOES[workload]);
    return `${NAMES[kind]} ${[does.slice(0, -1).join(', '), does.at(-1)].filter(Boolean).join(' and ')}`;
  };
  return `Computes on WebGPU and the CPU: ${kinds.map(part).join('; ')}, each where it measured faster.`;
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
