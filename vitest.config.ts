import { defineConfig } from 'vitest/config'

/** One project per depth of test; each has the time limit that its kind of work needs. */
const PROJECTS = {
  unit: 20_000,
  emulator: 60_000,
  runtime: 20_000,
  cli: 60_000,
  e2e: 180_000,
  repo: 60_000,
}

export default defineConfig({
  test: {
    // Most of the long tests wait for processes, back-offs and clocks more than they work: on two cores, a
    // third worker fills the time (one fewer than the cores is vitest's own choice).
    maxWorkers: 3,
    projects: Object.entries(PROJECTS).map(([name, timeoutMs]) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        // These wait for processes and sockets of a machine that may be busy; a real fault fails twice.
        retry: name === 'e2e' || name === 'emulator' ? 1 : 0,
        pool: 'forks' as const,
        env: { NO_COLOR: '1', METADATA_SERVER_DETECTION: 'none' },
      },
    })),
  },
})
