import type { NamedFile } from '../protocol.js';
import { fetched } from './fetched.js';
import { beside } from './location.js';

/**
 * The files of a page of its own, which are served with Headstart.
 *
 * @throws {@link HeadstartError} `export_page_missing`.
 */
export async function playerFiles(assets: string | undefined): Promise<NamedFile[]> {
  const read = <T>(name: string, take: (response: Response) => Promise<T>) => {
    const address = beside(`player/${name}`, assets);
    return fetched(address, take, (reason) => ({
      code: 'export_page_missing',
      message: `The page's files could not be fetched from ${address} (${reason}). Serve the folder “player” with Headstart's files and say where: assetsBase.`,
      value: address,
    }));
  };
  const names = await read('files.json', (response) => response.json() as Promise<string[]>);
  const bytes = async (response: Response) => new Uint8Array(await response.arrayBuffer());
  return Promise.all(names.map(async (name) => [name, await read(name, bytes)] as const));
}
