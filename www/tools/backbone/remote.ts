import { hashOfEtag, type Hash } from './hash.js';
import { Passing, Problem } from './problem.js';
import { request } from './request.js';

/** A file of the hub, before its contents come. */
export interface RemoteFile {
  url: string;
  /** Bytes; null where nobody says. */
  size: number | null;
  /** Null where the server names none, as a mirror may. */
  hash: Hash | null;
  /** The commit that the revision stands for. */
  commit: string | null;
}

/** Who is asked about what. */
export interface Hub {
  /** Its address, without a slash at the end. */
  endpoint: string;
  token: string | undefined;
  repository: string;
  revision: string;
  signal: AbortSignal | undefined;
}

/** Where a file is. */
export function addressOf({ endpoint, repository, revision }: Hub, file: string): string {
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${file}`;
}

/** Asks for size and hash of a file; null where the repository has no such file. Contents may lie elsewhere: that host is not asked. */
export async function describe(hub: Hub, file: string): Promise<RemoteFile | null> {
  const url = addressOf(hub, file);
  // A compressed answer would have another size and a weak ETag.
  const headers = { 'Accept-Encoding': 'identity' };
  const { response, home } = await request(url, { method: 'HEAD', headers, token: hub.token, signal: hub.signal, leave: false });
  const first = (name: string) => home.map((answer) => answer.get(name)).find((value) => value !== null) ?? null;
  if (response.status === 404 && !/^(Repo|Revision)NotFound$/.test(first('X-Error-Code') ?? '')) return null;
  if (response.status >= 400) throw refusal(response, hub);
  // A redirect has a size and an ETag of its own, which say nothing of the file.
  const own = (name: string) => (response.ok ? response.headers.get(name) : null);
  // Compressed in spite of the request, its length would be that of the compressed bytes.
  const length = own('Content-Encoding') === null ? own('Content-Length') : null;
  const size = Number(first('X-Linked-Size') ?? length ?? NaN);
  return {
    url,
    size: Number.isSafeInteger(size) ? size : null,
    hash: hashOfEtag(first('X-Linked-Etag') ?? own('ETag')),
    commit: first('X-Repo-Commit'),
  };
}

/** Why the hub gives nothing, in words, with what to do. */
export function refusal(response: Response, { endpoint, repository, revision, token }: Hub): Error {
  const { status, headers } = response;
  const page = `${endpoint}/${repository}`;
  const code = headers.get('X-Error-Code');
  const said = headers.get('X-Error-Message');
  if (status === 429 || status >= 500) return new Passing(`${new URL(endpoint).host} answers ${status}`);
  if (code === 'GatedRepo') {
    return new Problem(
      token === undefined
        ? `${repository} is gated: its publishers want to know who has it. Accept their terms at ${page}, make a token with read access at ` +
            `${endpoint}/settings/tokens, and run this again with HF_TOKEN set to it.`
        : `${repository} is gated, and the account of HF_TOKEN has no access yet: accept the publishers' terms at ${page}, then run this again.`,
    );
  }
  if (code === 'RevisionNotFound') return new Problem(`${repository} has no revision “${revision}”.`);
  if (status === 401 && token !== undefined && /invalid/i.test(said ?? '')) {
    return new Problem(`The hub does not accept HF_TOKEN: is it whole, and not revoked? (${endpoint}/settings/tokens)`);
  }
  // To those who may not see a private one, it is not there.
  if (status === 401 || code === 'RepoNotFound') {
    const hidden = token === undefined ? 'private: then set HF_TOKEN' : 'private, and HF_TOKEN does not open it';
    return new Problem(`There is no ${repository} at ${endpoint}, or it is ${hidden}.`);
  }
  const why = said ?? (status === 403 ? 'access is forbidden' : response.statusText);
  return new Problem(`The hub gives nothing of ${repository} (${status}: ${why}).`);
}
