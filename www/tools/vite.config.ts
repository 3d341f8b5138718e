import { defineConfig } from 'vite';

/** Makes one file for Node.js of the command's code, because versions before 22.18 run no TypeScript. */
export default defineConfig({
  root: import.meta.dirname,
  build: {
    ssr: 'backbone/main.ts',
    outDir: '../../target/tools',
    emptyOutDir: true,
    rolldownOptions: { output: { entryFileNames: 'backbone.mjs' } },
  },
});
