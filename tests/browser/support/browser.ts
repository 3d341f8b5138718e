import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** How {@link launch} starts the browser. */
export interface LaunchOptions {
  /** A clip of `writeClip` that plays as the camera. Without one there is no camera. */
  clip?: string;
  /** Whether pages have WebGPU; where there is no GPU, a software one. */
  webgpu?: boolean;
}

/** Starts Chromium: `CHROMIUM`, or the one that Debian installs. */
export function launch({ clip, webgpu = false }: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      // The browser itself asks nobody for anything.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      // Measurements of memory collect garbage first, in workers too.
      '--js-flags=--expose-gc',
      ...(webgpu ? ['--enable-unsafe-webgpu'] : []),
      ...(clip
        ? [
            '--use-fake-device-for-media-stream',
            '--use-fake-ui-for-media-stream',
            `--use-file-for-fake-video-capture=${clip}`,
          ]
        : []),
    ],
  });
}

/** What a page did that a person would not see. */
export interface Record {
  /** Console errors, uncaught exceptions and refusals of the security policy. */
  errors: string[];
  /** The address of every request, those of workers included. */
  requests: string[];
}

/** Notes errors and requests from now on. */
export function observe(context: BrowserContext, page: Page): Record {
  const record: Record = { errors: [], requests: [] };
  page.on('console', (message) => {
    if (message.type() === 'error') record.errors.push(message.text());
  });
  page.on('pageerror', (error) => record.errors.push(String(error)));
  context.on('request', (request) => record.requests.push(request.url()));
  return record;
}

/** The requests that left the site, of those that leave the machine's browser at all. */
export function foreignRequests(record: Record, site: string): string[] {
  return record.requests.filter((url) => !url.startsWith(site) && !/^(blob|data):/.test(url));
}
