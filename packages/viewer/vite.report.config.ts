import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { oneFile } from './one-file.ts'

const at = (place: string): string => fileURLToPath(new URL(place, import.meta.url))

const LICENSES = 'licenses-of-report.md'

/** The app of `imagery report`: one page with everything in it, into which the command puts its data. */
export default defineConfig({
  root: at('.'),
  base: './',
  plugins: [react(), oneFile({ licenses: LICENSES })],
  resolve: { alias: [{ find: './worker-address.ts', replacement: at('./src/app/map/inline-worker.ts') }] },
  build: {
    outDir: at('../../dist/viewer'),
    emptyOutDir: false,
    target: 'es2023',
    sourcemap: false,
    license: { fileName: LICENSES },
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: Number.POSITIVE_INFINITY,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: { input: at('./report.html'), output: { codeSplitting: false } },
  },
})
