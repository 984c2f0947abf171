import { defineConfig } from 'vitest/config'

/** A kind of test: its files, its time limit, and what it needs. */
interface Kind {
  include: string[]
  exclude?: string[]
  timeoutMs: number
  /** These wait for processes and sockets on a machine that may be busy; a real fault fails twice. */
  retry?: number
  /** False where the files leave nothing behind in their process, so that those of one worker share it and its modules. */
  isolate?: boolean
}

const LOCAL_CLOUD = 'packages/local-cloud/test'

/** The emulated APIs that speak HTTP alone: gRPC reads its certificates once per process. */
const HTTP_ALONE = [
  ...['bigquery', 'iam', 'storage', 'vertex'].map((api) => `${LOCAL_CLOUD}/${api}/*.test.ts`),
  `${LOCAL_CLOUD}/kernel/transcoding-*.test.ts`,
]

const KINDS: Record<string, Kind> = {
  unit: {
    include: ['contracts', 'google', 'profiles', 'run-data', 'services', 'ui'].map(
      (room) => `test/${room}/**/*.test.ts`,
    ),
    timeoutMs: 20_000,
    isolate: false,
  },
  /** Data as people have it: one small case per kind, with the expected rows written by hand. */
  field: { include: ['test/field/**/*.test.ts'], timeoutMs: 60_000, isolate: false },
  runtime: { include: ['test/runtime/**/*.test.ts'], timeoutMs: 20_000 },
  deploy: { include: ['test/deploy/**/*.test.ts'], timeoutMs: 60_000, retry: 1 },
  cli: { include: ['test/cli/**/*.test.ts'], timeoutMs: 60_000 },
  e2e: { include: ['test/e2e/**/*.test.ts'], timeoutMs: 180_000, retry: 1 },
  repo: { include: ['test/repo/**/*.test.ts'], timeoutMs: 60_000 },
  'local-cloud': { include: [`${LOCAL_CLOUD}/**/*.test.ts`], exclude: HTTP_ALONE, timeoutMs: 60_000, retry: 1 },
  'local-cloud-http': { include: HTTP_ALONE, timeoutMs: 60_000, retry: 1, isolate: false },
}

export default defineConfig({
  test: {
    // Most of the long tests wait for processes, back-offs and clocks more than they work: on two cores, a
    // third worker fills the time (one fewer than the cores is vitest's own choice).
    maxWorkers: 3,
    projects: Object.entries(KINDS).map(([name, { include, exclude = [], timeoutMs, retry = 0, isolate = true }]) => ({
      test: {
        name,
        include,
        exclude,
        isolate,
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        retry,
        pool: 'forks' as const,
        env: { NO_COLOR: '1', METADATA_SERVER_DETECTION: 'none' },
      },
    })),
  },
})
