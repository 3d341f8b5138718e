import { addressOf, type Hub } from './remote.js';
import { request } from './request.js';

/** The licence that a repository states; null where it states none. */
export async function licenceOf(hub: Hub): Promise<string | null> {
  const { endpoint, repository, revision } = hub;
  const api = `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`;
  // A mirror may have files only: then the README says it.
  return licenceOfAnswer(await textOf(api, hub)) ?? licenceOfReadme(await textOf(addressOf(hub, 'README.md'), hub));
}

/** The licence in what the hub's API says of a model: `cardData.license`. */
export function licenceOfAnswer(json: string | null): string | null {
  try {
    const { cardData } = JSON.parse(json ?? '') as { cardData?: { license?: unknown; license_name?: unknown } };
    return licenceOfCard({ license: cardData?.license, license_name: cardData?.license_name });
  } catch {
    return null;
  }
}

/** The licence in the front matter of a README, which is YAML between two lines of dashes. */
export function licenceOfReadme(readme: string | null): string | null {
  const [, matter] = /^\s*---\r?\n([\s\S]*?)\r?\n---\s*(?:\r?\n|$)/.exec(readme ?? '') ?? [];
  const value = (key: string) => {
    const pattern = new RegExp(`^${key}:[ \\t]*(?:\\r?\\n[ \\t]*-[ \\t]*)?["']?([^\\s"'#\\[\\]][^"'#\\r\\n]*?)["']?[ \\t]*(?:#.*)?$`, 'm');
    return pattern.exec(matter ?? '')?.[1];
  };
  return licenceOfCard({ license: value('license'), license_name: value('license_name') });
}

/** `other` has a name beside it; some models are under several. */
function licenceOfCard({ license, license_name: name }: { license: unknown; license_name: unknown }): string | null {
  const stated = [license].flat().filter((one) => typeof one === 'string' && one.trim() !== '');
  if (stated.length === 0) return null;
  return stated.length === 1 && stated[0] === 'other' && typeof name === 'string' ? name : stated.join(' or ');
}

async function textOf(url: string, { token, signal }: Hub): Promise<string | null> {
  try {
    const { response } = await request(url, { token, signal });
    if (response.ok) return await response.text();
    await response.body?.cancel();
  } catch {
    signal?.throwIfAborted();
  }
  return null;
}
