import { defineConfig } from 'vitest/config'

const HTTP_ALONE = ['bigquery', 'iam', 'storage', 'transcoding', 'vertex'].map(
  (api) => `test/emulator/${api}-*.test.ts`,
)

/** One project per depth of test; each has the time limit that its kind of work needs. */
const PROJECTS: Record<string, { timeoutMs: number; include?: string[]; exclude?: string[]; isolate?: boolean }> = {
  // Its files leave nothing behind in their process, so those of one worker share it and its modules.
  unit: { timeoutMs: 20_000, isolate: false },
  emulator: { timeoutMs: 60_000, exclude: HTTP_ALONE },
  // The same of the emulated APIs that are reached by HTTP alone: gRPC reads its certificates once a process.
  'emulator-http': { timeoutMs: 60_000, include: HTTP_ALONE, isolate: false },
  runtime: { timeoutMs: 20_000 },
  cli: { timeoutMs: 60_000 },
  e2e: { timeoutMs: 180_000 },
  repo: { timeoutMs: 60_000 },
}

export default defineConfig({
  test: {
    // Most of the long tests wait for processes, back-offs and clocks more than they work: on two cores, a
    // third worker fills the time (one fewer than the cores is vitest's own choice).
    maxWorkers: 3,
    projects: Object.entries(PROJECTS).map(([name, { timeoutMs, include, exclude = [], isolate = true }]) => ({
      test: {
        name,
        include: include ?? [`test/${name}/**/*.test.ts`],
        exclude,
        isolate,
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        // These wait for processes and sockets of a machine that may be busy; a real fault fails twice.
        retry: name === 'e2e' || name.startsWith('emulator') ? 1 : 0,
        pool: 'forks' as const,
        env: { NO_COLOR: '1', METADATA_SERVER_DETECTION: 'none' },
      },
    })),
  },
})
