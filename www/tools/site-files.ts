/** How the files of the site are called. */
import type { Plugin } from 'vite';

/**
 * A second copy of the public module, under the name that other pages know. The site's own page has the one with its content in its name, as
 * all that it loads: two versions of the site have no file in common that differs.
 */
export function publicModule(): Plugin {
  return {
    name: 'public-module',
    generateBundle(_, bundle) {
      const module = Object.values(bundle).find((each) => each.type === 'chunk' && each.name === 'headstart' && each.isEntry);
      if (module?.type !== 'chunk') return this.error('there is no module headstart');
      this.emitFile({ type: 'asset', fileName: 'headstart.js', source: module.code });
    },
  };
}

/** What is copied as it is, with its content in its name. The wasm packages are told apart by their names, from build to build. */
export function assetName({ originalFileNames: [from = ''] }: { originalFileNames: readonly string[] }): string {
  const folder = /(?:^|\/)pkg\/(.*)headstart_bg\.wasm$/.exec(from)?.[1];
  return folder === undefined ? 'assets/[name]-[hash][extname]' : `assets/headstart-${folder.replaceAll('/', '-')}[hash][extname]`;
}
