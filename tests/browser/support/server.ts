import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';
import { CONTENT_SECURITY_POLICY } from '../../../www/security.js';

const ROOT = join(import.meta.dirname, '../../..');
/** `HEADSTART_DIST` names another build to look at, to measure what a change is worth. */
export const DIST = resolve(ROOT, process.env['HEADSTART_DIST'] ?? 'dist');

const TYPES: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.zip': 'application/zip',
};

/** The built site, served as a plain host of files would. */
export interface Site {
  /** With a slash at the end. */
  url: string;
  /** Files that are served beside the built ones, or instead of them, by path without the leading slash. */
  files: Map<string, Buffer>;
  /** The paths that were asked for so far, in order, by workers too. */
  asked: string[];
  /** Whether it answers, refuses to, or takes a request and says nothing. */
  state: 'answers' | 'refuses' | 'hangs';
  close(): Promise<void>;
}

/** What {@link serveSite} may be told. */
export interface SiteOptions {
  /** Headers of every answer; by default the site's policy. */
  headers?: Record<string, string>;
  /** Folders that are served beside the site, by their paths with a slash at the end. */
  folders?: Record<string, string>;
}

/** Serves `dist` under the site's policy; without a complete build it throws. */
export async function serveSite({ headers = { 'Content-Security-Policy': CONTENT_SECURITY_POLICY }, folders = {} }: SiteOptions = {}): Promise<Site> {
  for (const needed of ['index.html', 'headstart.js', 'assets']) {
    if (!existsSync(join(DIST, needed))) throw new Error(`${join(DIST, needed)} is missing: build the site first`);
  }
  return serveFolder(DIST, { headers, folders });
}

/** The worker's code as it was built, and the path that it is served at. */
export function builtWorker(): { path: string; code: string } {
  const name = readdirSync(join(DIST, 'assets')).find((each) => /^worker-.*\.js$/.test(each));
  if (name === undefined) throw new Error(`there is no worker in ${DIST}`);
  return { path: `assets/${name}`, code: readFileSync(join(DIST, 'assets', name), 'utf8') };
}

/** Serves any folder of files. */
export async function serveFolder(root: string, { headers = {}, folders = {} }: SiteOptions = {}): Promise<Site> {
  // Without an icon of its own the browser would ask for one, and complain.
  const files = new Map([['blank.html', Buffer.from('<!doctype html><title>Test</title><link rel="icon" href="data:,">')]]);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (site.state === 'hangs') return;
    if (site.state === 'refuses') return void request.destroy();
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    // The same site twice: in the root, and in a folder as on a host that is shared.
    const path = normalize(decodeURIComponent(pathname)).replace(/^\/(some\/folder\/)?/, '') || 'index.html';
    asked.push(path);
    const beside = Object.keys(folders).find((folder) => path.startsWith(folder));
    const built = beside === undefined ? join(root, path) : join(folders[beside]!, path.slice(beside.length));
    const own = files.get(path);
    const found = own !== undefined || (existsSync(built) && statSync(built).isFile());
    response.writeHead(found ? 200 : 404, {
      ...headers,
      ...(own && { 'Content-Length': own.length }),
      'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream',
    });
    if (own) response.end(own);
    else if (found) createReadStream(built).pipe(response);
    else response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const site: Site = {
    url: `http://127.0.0.1:${port}/`,
    files,
    asked,
    state: 'answers',
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return site;
}
