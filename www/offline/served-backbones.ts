/** The backbones that the site serves, in the browser's cache: those that were used, as they were last. */
import { isWhole, matched } from './versions.js';

const WEIGHTS = 'model.safetensors';
const CARD = 'config.json';

export class ServedBackbones {
  constructor(readonly cache: string) {}

  find(address: string): Promise<Response | undefined> {
    return matched(this.cache, address);
  }

  /** Keeps what came. A card is kept with its weights alone: there are never those of one backbone beside the card of another. */
  async keep(address: string, response: Response): Promise<void> {
    if (response.status === 404) return this.#forget(address);
    if (!isWhole(response)) return;
    if (address.endsWith(`/${CARD}`)) return this.#compare(address, response);
    await this.#put(address, response);
    if (address.endsWith(`/${WEIGHTS}`)) await this.#keepCard(new URL(CARD, address).href);
  }

  /** Fetches the weights among some addresses that are not here yet: the browser has them since the page asked for them. */
  async fetchMissing(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) {
      if (!address.endsWith(`/${WEIGHTS}`) || (await this.find(address))) continue;
      await this.keep(address, await fetch(address, { cache: 'force-cache' }));
    }
  }

  /** Another card: the weights beside the one before are not its own, should the new ones not come. */
  async #compare(address: string, response: Response): Promise<void> {
    const kept = await this.find(address);
    if (kept && (await kept.text()) !== (await response.text())) await this.#forget(address);
  }

  async #keepCard(address: string): Promise<void> {
    const response = await fetch(address, { cache: 'force-cache' });
    if (isWhole(response)) await this.#put(address, response);
  }

  async #put(address: string, response: Response): Promise<void> {
    await (await caches.open(this.cache)).put(address, response);
  }

  async #forget(address: string): Promise<void> {
    const cache = await caches.open(this.cache);
    await Promise.all([address, new URL(CARD, address).href, new URL(WEIGHTS, address).href].map((each) => cache.delete(each)));
  }
}
