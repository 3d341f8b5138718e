/** The backbone as the page keeps it: through changes, cancelled ones, other engines and workers that die. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AppState } from '../../www/state/types.js';
import { whyNotReady } from '../../www/state/readiness.js';
import { createApp, type App } from '../../www/ui/control/app.js';
import { FakeTrainers, refusal } from './support/fake-trainer.js';

let trainers: FakeTrainers;
let app: App;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: true });
  vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${Math.random()}`);
  trainers = new FakeTrainers();
  app = createApp(trainers.create);
  await app.session.start('cpu');
  for (const key of [1, 2]) app.pictures.addFiles(key, [new File(['x'], `${key} 1.png`), new File(['x'], `${key} 2.png`)]);
  await soon();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const state = (): AppState => app.store.get();
const soon = () => vi.advanceTimersByTimeAsync(500);
/** What the page shows of the backbone, and what the next engine is started with. */
const shown = () => [state().engine.backbone?.architecture, state().backboneChange, app.session.backbones.chosen];
const usual = () => trainers.made[0]!.backbone.architecture;

describe('changing the backbone', () => {
  it('shows how far it is, keeps training out meanwhile, and keeps the choice', async () => {
    const name = usual();
    const change = app.session.backbones.change('large');
    await soon();
    expect(shown()).toEqual([name, { progress: null }, undefined]);
    expect(whyNotReady(state())).toContain('is still being loaded.');
    trainers.last.go(1, 4);
    await soon();
    expect(shown()).toEqual(['large', { progress: { done: 1, total: 4 } }, 'large']);
    expect(whyNotReady(state())).toContain('Pictures are still being prepared for');
    trainers.last.go(4, 4);
    expect(await change).toEqual({ cancelled: false, unreadable: [] });
    expect(shown()).toEqual(['large', null, 'large']);
    await soon();
    expect(whyNotReady(state())).toBeNull();
    await app.chooseEngine('webgpu');
    expect(trainers.last.options).toMatchObject({ engine: 'webgpu', backbone: 'large', project: { backbone: 'large' } });
    expect(shown()).toEqual(['large', null, 'large']);
  });

  it('to one that computes otherwise is saved by itself', async () => {
    const keep = async () => {
      const kept = app.session.keep();
      await soon();
      expect(await kept).toBe(true);
      return trainers.last.calls.filter((call) => call.startsWith('saveProject')).length;
    };
    const saved = await keep();
    expect(await keep()).toBe(saved);
    const change = app.session.backbones.compute('int8');
    await soon();
    trainers.last.change!.load({ ...trainers.last.backbone, arithmetic: 'int8' }, 0);
    trainers.last.change!.end();
    expect(await change).toEqual({ cancelled: false, unreadable: [] });
    expect(state().engine.backbone?.arithmetic).toBe('int8');
    expect(await keep()).toBe(saved + 1);
    expect(await keep()).toBe(saved + 1);
  });

  it('is taken back where it is cancelled, to the one that was settled last', async () => {
    const name = usual();
    const first = app.session.backbones.change('large');
    await soon();
    trainers.last.go(1, 4);
    await soon();
    await app.session.backbones.cancel();
    expect(await first).toMatchObject({ cancelled: true });
    expect(shown()).toEqual([name, null, undefined]);
    const second = app.session.backbones.change('large');
    await soon();
    trainers.last.go(4, 4);
    await second;
    const third = app.session.backbones.change('larger');
    await soon();
    trainers.last.go(1, 4);
    await soon();
    await app.session.backbones.cancel();
    await third;
    expect(shown()).toEqual(['large', null, 'large']);
  });

  it('is refused in the words of the trainer, and nothing is different then', async () => {
    const name = usual();
    const change = app.session.backbones.change('none');
    change.catch(() => undefined);
    await soon();
    trainers.last.refuse(refusal('backbone_unsupported', 'No.'));
    await expect(change).rejects.toMatchObject({ code: 'backbone_unsupported' });
    expect(shown()).toEqual([name, null, undefined]);
  });

  it('waits for an engine', async () => {
    trainers.last.crash();
    app.pictures.renameClass(2, 'wolf');
    await soon();
    expect(await app.session.backbones.change('large')).toBeNull();
    expect(state().backboneChange).toBeNull();
  });
});

it('that may not stay is not saved for a worker that dies', async () => {
  const saved = () => trainers.last.calls.filter((call) => call === 'saveProject false').length;
  await vi.advanceTimersByTimeAsync(5000);
  const before = saved();
  const change = app.session.backbones.change('large');
  await soon();
  trainers.last.go(1, 4);
  app.pictures.renameClass(1, 'lion');
  await vi.advanceTimersByTimeAsync(5000);
  expect(saved()).toBe(before);
  await app.session.backbones.cancel();
  await change;
  await vi.advanceTimersByTimeAsync(5000);
  expect(saved()).toBe(before + 1);
});

describe('a worker that dies', () => {
  async function die(): Promise<void> {
    trainers.last.crash();
    app.pictures.renameClass(2, `wolf ${Math.random()}`);
    await soon();
  }

  it('in the middle of a change leaves the new backbone, and the pictures are given to it again', async () => {
    const change = app.session.backbones.change('large');
    await soon();
    trainers.last.go(1, 4);
    await soon();
    trainers.last.crash();
    expect(await change).toBeNull();
    expect([state().engine.status, state().backboneChange]).toEqual(['failed', null]);
    await app.session.start('cpu');
    await soon();
    expect(trainers.last.options.backbone).toBe('large');
    expect(trainers.last.pixels.toSorted()).toEqual([1, 2, 3, 4]);
    expect(shown()).toEqual(['large', null, 'large']);
  });

  it('before the new one was there leaves the old one', async () => {
    const name = usual();
    const change = app.session.backbones.change('large');
    await soon();
    await die();
    expect(await change).toBeNull();
    await app.session.start('cpu');
    expect(shown()).toEqual([name, null, undefined]);
  });
});
