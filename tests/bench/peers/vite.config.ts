/** Bundles the page of `./build.sh bench peers` as an app of each library would be; only this folder has the libraries. */
export default {
  root: `${import.meta.dirname}/page`,
  base: './',
  build: {
    outDir: '../../../../target/bench/peers',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: ['index', 'first'].map((name) => `${import.meta.dirname}/page/${name}.html`) },
  },
};
