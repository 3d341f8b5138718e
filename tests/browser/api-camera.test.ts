import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openApiPage, type ApiPage } from './support/api-page.js';
import { writeClip } from './support/clip.js';

let folder: string;
let api: ApiPage;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'headstart-'));
  const clip = join(folder, 'clip.y4m');
  writeClip(clip, [
    { color: [200, 30, 30], frames: 15 },
    { color: [30, 30, 200], frames: 15 },
  ]);
  api = await openApiPage({ clip });
});
afterAll(async () => {
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('learns from a playing camera and recognises what it shows', async () => {
  const seen = await api.page.evaluate(async () => {
    const trainer = await headstart.Trainer.create({ engine: 'cpu' });
    await trainer.addClass('red');
    await trainer.addClass('blue');
    const video = document.createElement('video');
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    await video.play();
    /** What the camera shows now, from its own pixels. */
    const shown = async () => {
      const context = new OffscreenCanvas(8, 8).getContext('2d')!;
      context.drawImage(video, 0, 0, 8, 8);
      const [red = 0, , blue = 0] = context.getImageData(1, 1, 1, 1).data;
      return red > blue ? 'red' : 'blue';
    };
    const names = () => trainer.classes.map(({ images }) => images.length);
    for (let tries = 0; Math.min(...names()) < 6 && tries < 200; tries++) {
      const name = await shown();
      await trainer.addImage(name, video, { group: `${name} ${tries % 3}` });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const counts = names();
    const report = await trainer.train({ epochs: 10, learningRate: 0.005 }).report;
    const checks = [];
    for (let i = 0; i < 10; i++) {
      // The scene may change between the look and the prediction: only what stayed the same counts.
      const before = await shown();
      const [best] = await trainer.predict(video);
      if ((await shown()) === before) checks.push({ shown: before, predicted: best!.className });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    trainer.close();
    return { counts, report, checks };
  });
  expect(Math.min(...seen.counts)).toBeGreaterThanOrEqual(6);
  expect(seen.report.stopped).toBe('finished');
  expect(seen.checks.length).toBeGreaterThan(4);
  expect(new Set(seen.checks.map(({ shown }) => shown)).size).toBe(2);
  expect(seen.checks.filter(({ shown, predicted }) => shown === predicted).length).toBeGreaterThanOrEqual(seen.checks.length - 1);
});
