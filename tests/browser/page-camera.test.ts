import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppPage } from './support/app-page.js';
import { writeClip } from './support/clip.js';

declare global {
  /** What the camera's live region has said. */
  var heard: string[];
}

describe('with a camera', () => {
  let folder: string;
  let app: AppPage;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'headstart-'));
    const clip = join(folder, 'clip.y4m');
    writeClip(clip, [{ color: [200, 40, 30], frames: 30 }]);
    app = await AppPage.open({ clip });
  });
  afterAll(async () => {
    await app?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const taken = async (): Promise<number> => Number.parseInt(await app.card('Class 1').locator('.class-count').innerText(), 10);
  const hold = () => app.page.getByRole('button', { name: 'Hold to record' });

  it('records for as long as the button is held', async () => {
    await app.page.getByRole('button', { name: 'Webcam for Class 1' }).click();
    await hold().hover();
    await expect.poll(() => hold().isEnabled()).toBe(true);
    await app.page.mouse.down();
    await app.page.getByRole('button', { name: 'Recording…' }).waitFor();
    await expect.poll(taken).toBeGreaterThanOrEqual(5);
    await app.page.mouse.up();
    await hold().waitFor();
    // The frames that were caught by then are still on their way: the recorder says how many when it has handed over the last.
    const said = app.page.locator('.recorder [role=status]');
    await expect.poll(() => said.textContent()).toMatch(/^\d+ pictures taken$/);
    const caught = Number.parseInt((await said.textContent()) ?? '', 10);
    await expect.poll(taken).toBe(caught);
    await app.page.waitForTimeout(500);
    expect(await taken()).toBe(caught);
  });

  it('tells by ear when recording begins and how much was taken, not every frame', async () => {
    await app.page.evaluate(() => {
      globalThis.heard = [];
      const regions = [...document.querySelectorAll('.recorder [role=status]')];
      const note = (): void => void heard.push(regions.map((each) => each.textContent).join());
      for (const each of regions) new MutationObserver(note).observe(each, { subtree: true, childList: true, characterData: true });
    });
    const before = await taken();
    await hold().focus();
    await app.page.keyboard.down(' ');
    await expect.poll(taken, { timeout: 10_000 }).toBeGreaterThanOrEqual(before + 6);
    await app.page.keyboard.up(' ');
    await expect.poll(() => app.page.evaluate(() => heard.at(-1)), { timeout: 10_000 }).toMatch(/^\d+ pictures taken$/);
    expect(await app.page.evaluate(() => heard.length)).toBe(2);
    expect(await app.page.evaluate(() => heard[0])).toBe('Recording.');
  });

  it('records with the space bar', async () => {
    const before = await taken();
    await hold().focus();
    await app.page.keyboard.down(' ');
    await expect.poll(taken).toBeGreaterThanOrEqual(before + 3);
    await app.page.keyboard.up(' ');
    await hold().waitFor();
  });

  it('shows the camera mirrored and recognises what it sees, live', async () => {
    await app.pick('Class 2', await app.draw('stripes', 12));
    await app.train();
    await app.page.getByRole('button', { name: 'Webcam to try it with' }).click();
    await expect.poll(() => app.page.locator('.verdict').innerText()).toMatch(/^Class 1/);
    const video = app.page.getByLabel('Camera to try it with');
    expect(await video.evaluate((element) => getComputedStyle(element).transform)).toContain('-1');
    // One view of the camera at a time.
    expect(await app.page.locator('video').count()).toBe(1);
    await app.page.getByRole('button', { name: 'Stop the webcam' }).click();
    expect(await app.page.locator('video').count()).toBe(0);
    expect(app.record.errors).toEqual([]);
  });

  it('works without a list of cameras to choose from', async () => {
    await app.page.evaluate(() => {
      navigator.mediaDevices.enumerateDevices = () => Promise.reject(new DOMException('not now', 'InvalidStateError'));
    });
    await app.page.getByRole('button', { name: 'Webcam for Class 2' }).click();
    await expect.poll(() => hold().isEnabled()).toBe(true);
    await app.page.waitForTimeout(200);
    expect(app.record.errors).toEqual([]);
    await app.page.getByRole('button', { name: 'Close camera' }).click();
  });

  it('says what to do when the camera is not allowed', async () => {
    // As where a company's policy or the user forbids it; the browser refuses in the same way.
    await app.context.route(app.site.url, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'permissions-policy': 'camera=()' } });
    });
    await app.page.reload();
    await app.page.getByRole('button', { name: 'Webcam for Class 2' }).click();
    const message = app.card('Class 2').getByRole('alert');
    await message.waitFor();
    expect(await message.innerText()).toMatch(/allow it .* try again/i);
    await message.getByRole('button', { name: 'Try again' }).waitFor();
  });
});

describe('without a camera', () => {
  it('says so, and what to do', async () => {
    const app = await AppPage.open();
    await app.page.getByRole('button', { name: 'Webcam for Class 1' }).click();
    await app.card('Class 1').getByText('No camera was found: connect one and try again.').waitFor();
    await app.close();
  });
});
