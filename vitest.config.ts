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
    projects: Object.entries(PROJECTS).map(([name, timeoutMs]) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`],
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        pool: 'forks' as const,
        env: { NO_COLOR: '1', METADATA_SERVER_DETECTION: 'none' },
      },
    })),
  },
})
