import { errorCode, Passing, Problem, Unreachable } from './problem.js';

const MOST_REDIRECTS = 10;
/** No name, no server, no trust. */
const LASTING = /^(ENOTFOUND|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** How to ask. */
export interface RequestOptions {
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
  /** Goes to the origin of the first address and to no other. */
  token?: string | undefined;
  signal?: AbortSignal | undefined;
  /** Whether a redirect to another origin is followed; else its answer is the last. */
  leave?: boolean;
}

/** What came of a request. */
export interface Answer {
  /** The last answer, with the body. */
  response: Response;
  /** The headers of every answer that the first origin gave, in order. */
  home: Headers[];
}

/** Asks, and follows redirects by hand, for `fetch` would tell nobody what is said on the way. */
export async function request(address: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, token, signal, leave = true } = options;
  let url = new URL(address);
  const origin = url.origin;
  const home: Headers[] = [];
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const trusted = token !== undefined && url.origin === origin;
    const authorised = trusted ? { ...headers, Authorization: `Bearer ${token}` } : headers;
    const response = await ask(url, { method, headers: authorised, redirect: 'manual', signal: signal ?? null });
    if (url.origin === origin) home.push(response.headers);
    const location = response.headers.get('Location');
    const next = location === null ? null : new URL(location, url);
    if (response.status < 300 || response.status > 399 || next === null) return { response, home };
    if (!leave && next.origin !== origin) return { response, home };
    await response.body?.cancel();
    url = next;
  }
  throw new Problem(`${origin} redirects without an end.`);
}

async function ask(url: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason;
    const code = errorCode(error);
    // Without a code it is no network's fault but an address or a header that cannot be: the cause says which.
    if (code === undefined) throw new Unreachable(`${url.host} cannot be reached (${String((error as Error).cause ?? error)})`);
    const message = `${url.host} cannot be reached (${code})`;
    throw LASTING.test(code) ? new Unreachable(message) : new Passing(message);
  }
}
