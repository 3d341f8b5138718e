/** What a tab takes of the machine's memory. */
import { existsSync, readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';

/** Whether this system tells the most that a process has taken, as Linux does. */
export const COUNTED = existsSync('/proc/self/status');

const [TYPES, EVERY_MS] = [['renderer', 'browser'], 200] as const;

/** What two processes have taken at most so far, in MiB. */
export interface Peaks {
  /** That of the page and its worker. */
  renderer: number;
  /** The browser's own, which holds blobs. */
  browser: number;
}

/**
 * Watches the memory of a browser with one tab. The browser could be asked too (`measureUserAgentSpecificMemory`), but leaves out what
 * wasm code holds.
 */
export class MemoryWatch {
  readonly #peaks: Peaks = { renderer: 0, browser: 0 };
  readonly #timer: NodeJS.Timeout;

  #pids: Readonly<Record<keyof Peaks, readonly number[]>>;

  private constructor(pids: Readonly<Record<keyof Peaks, readonly number[]>>) {
    this.#pids = pids;
    // Read again and again: Chromium begins a new count now and then.
    this.#timer = setInterval(() => this.peaks(), EVERY_MS);
  }

  static async of(browser: Browser): Promise<MemoryWatch> {
    return new MemoryWatch(await pidsOf(browser));
  }

  /** Goes on with the processes that there are now: a page that was loaded anew may be in another. */
  async renew(browser: Browser): Promise<void> {
    this.#pids = await pidsOf(browser);
  }

  peaks(): Peaks {
    for (const type of TYPES) this.#peaks[type] = Math.max(this.#peaks[type], ...this.#pids[type].map(peak));
    return { ...this.#peaks };
  }

  /** Has to be called before the browser is closed. */
  stop(): void {
    clearInterval(this.#timer);
  }
}

async function pidsOf(browser: Browser): Promise<Record<keyof Peaks, number[]>> {
  const devtools = await browser.newBrowserCDPSession();
  const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
  await devtools.detach();
  // The browser keeps an empty renderer in reserve, and which one it is shows only once the other has loaded something.
  const all = (type: string): number[] => processInfo.filter((each) => each.type === type).map(({ id }) => id);
  return { renderer: all('renderer'), browser: all('browser') };
}

/** The most that a process has had of the machine's memory at a time, in MiB; 0 for one that has ended. */
function peak(pid: number): number {
  const status = `/proc/${pid}/status`;
  const [, kilobytes = '0'] = (existsSync(status) && /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))) || [];
  return Number(kilobytes) / 1024;
}
