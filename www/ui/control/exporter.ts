import type { PackedClass } from '../../import/pack.js';
import type { OnProgress } from '../../import/types.js';
import type { Store } from '../../state/store.js';
import { download } from './download.js';
import { report } from './errors.js';
import type { Library } from './library.js';

const FILE_NAME = 'headstart-pictures.zip';

/** Gives all pictures out as a zip with a folder a class. */
export class Exporter {
  readonly #store: Store;
  readonly #library: Library;

  constructor(store: Store, library: Library) {
    this.#store = store;
    this.#library = library;
  }

  async download(onProgress: OnProgress): Promise<void> {
    try {
      const { fileNameOf, packPictures } = await import('../../import/pack.js');
      const { project } = this.#store.get();
      // One that is not kept has no name of its own.
      const name = project.id === null ? FILE_NAME : `${fileNameOf(project.name)}.zip`;
      download(await packPictures(this.#classes(), onProgress), name);
    } catch (error) {
      report(this.#store, 'pictures', error);
    }
  }

  #classes(): PackedClass[] {
    return this.#store.get().classes.map(({ name, pictures }) => ({
      name,
      pictures: pictures.map(({ key, name: called, test = false }) => ({ name: called, test, read: async () => this.#library.source(key) })),
    }));
  }
}
