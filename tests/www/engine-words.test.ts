import { describe, expect, it } from 'vitest';
import type { EngineReport, Workload } from '../../www/generated/types.js';
import { describeEngine, engineFigures, engineOf } from '../../www/state/engine-words.js';
import { everythingOn } from './support/state.js';

/** The GPU for these and the CPU for the others, measured. */
function mixed(...onGpu: Workload[]): EngineReport {
  const { workloads, ...others } = everythingOn('webgpu', 'Measured.');
  const all = workloads.map(({ workload }) => ({
    workload,
    kind: onGpu.includes(workload) ? ('webgpu' as const) : ('cpu' as const),
    cpuMilliseconds: 8.04,
    gpuMilliseconds: onGpu.includes(workload) ? 0.5 : 12,
  }));
  return { ...others, workloads: all };
}

describe('what runs where', () => {
  it('is one engine and why', () => {
    expect(describeEngine(everythingOn('webgpu', 'It measured faster.'))).toBe('Computes on WebGPU. It measured faster.');
    expect(describeEngine(everythingOn('cpu', 'No GPU can be used.'))).toBe('Computes on the CPU. No GPU can be used.');
    const long = describeEngine(everythingOn('cpu', `No GPU can be used: it refused (${'driver '.repeat(40)}).`));
    expect(long).toBe('Computes on the CPU. No GPU can be used: it refused.');
  });

  it('is the CPU until the GPU has been tried', () => {
    expect(describeEngine({ ...everythingOn('cpu', ''), undecided: true })).toBe('Computes on the CPU while the GPU is being tried.');
  });

  it('is either, each for what it does faster', () => {
    expect(describeEngine(mixed('embedding', 'prediction', 'fine-tuning'))).toBe('Computes on WebGPU; the CPU trains the head, which is faster there.');
    expect(describeEngine(mixed('embedding', 'fine-tuning'))).toBe('Computes on WebGPU; the CPU predicts and trains the head, which is faster there.');
    const one = mixed('fine-tuning');
    expect(describeEngine(one)).toBe('Computes on the CPU; WebGPU fine-tunes, which is faster there.');
    expect([engineOf(one, 'fine-tuning'), engineOf(one, 'embedding'), engineOf(null, 'head')]).toEqual(['WebGPU', 'the CPU', 'the CPU']);
  });

  it('comes with the figures of each kind of work, where they were measured', () => {
    expect(engineFigures(mixed('prediction')).split('\n')).toEqual([
      'A picture taken in: 12.0 ms on WebGPU, 8.0 ms on the CPU',
      'A prediction: 0.5 ms on WebGPU, 8.0 ms on the CPU',
      'A step of the head: 12.0 ms on WebGPU, 8.0 ms on the CPU',
      'A step of the last two stages, of four pictures: 12.0 ms on WebGPU, 8.0 ms on the CPU',
    ]);
    expect(engineFigures(everythingOn('cpu', ''))).toBe('');
  });
});
