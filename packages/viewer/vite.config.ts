import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const out = fileURLToPath(new URL('../../dist/viewer', import.meta.url))

/** The app of `imagery view`: a page and its files, all from the server of the command. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [react()],
  build: {
    outDir: out,
    emptyOutDir: true,
    target: 'es2023',
    sourcemap: false,
    // What the licenses of the bundled packages ask for.
    license: { fileName: 'licenses.md' },
    // The server's policy forbids data: scripts, and a page of few files needs no preload.
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1600,
  },
})
