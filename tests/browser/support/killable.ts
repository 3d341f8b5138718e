import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

/** A browser that can be killed like one that the system ends: all of its processes at once, without a word. Its profile stays. */
export class KillableBrowser {
  readonly #profile = mkdtempSync(join(tmpdir(), 'headstart-profile-'));
  #process: ChildProcess | null = null;
  #browser: Browser | null = null;

  /** `clip` plays as its camera. */
  constructor(readonly clip: string) {}

  /** Starts it with the profile that the one before has left, and opens a page. */
  async start(): Promise<Page> {
    const program = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
    const flags = ['--headless=new', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
    const camera = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${this.clip}`];
    const child = spawn(program, [...flags, ...camera, '--remote-debugging-port=0', `--user-data-dir=${this.#profile}`, 'about:blank'], {
      // A group of its own, so that one signal reaches all of it.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr?.on('data', (part: Buffer) => {
        said += part.toString();
        const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', () => reject(new Error(`the browser did not start: ${said}`)));
    });
    this.#browser = await chromium.connectOverCDP(address);
    const context = this.#browser.contexts()[0] ?? (await this.#browser.newContext());
    return context.pages()[0] ?? context.newPage();
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined) return;
    this.#process = null;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await gone;
    await this.#browser?.close().catch(() => undefined);
  }

  /** Ends it and forgets its profile. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
