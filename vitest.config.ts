import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** A kind of test: its files, its time limit, and what it needs. */
interface Kind {
  include: string[]
  exclude?: string[]
  timeoutMs: number
  /** These wait for processes and sockets on a machine that may be busy; a real fault fails twice. */
  retry?: number
  /**
   * What the files of one worker share. `process`: each file has its own copy of our modules, and Google's clients stay
   * loaded. `modules`: ours too, where files leave nothing behind. Otherwise each file has a process of its own.
   */
  share?: 'process' | 'modules'
}

/** Gives each file of a shared process fresh modules. */
const FRESH_MODULES = 'test/fresh-modules.ts'

const LOCAL_CLOUD = 'packages/local-cloud/test'

/** The emulated APIs that speak HTTP alone: gRPC reads its certificates once per process. */
const HTTP_ALONE = [
  ...['bigquery', 'iam', 'storage', 'vertex'].map((api) => `${LOCAL_CLOUD}/${api}/*.test.ts`),
  `${LOCAL_CLOUD}/kernel/transcoding-*.test.ts`,
]

const KINDS: Record<string, Kind> = {
  unit: {
    include: ['contracts', 'google', 'profiles', 'run-data', 'services', 'ui', 'viewer'].map(
      (room) => `test/${room}/**/*.test.ts`,
    ),
    timeoutMs: 20_000,
    share: 'modules',
  },
  /** Data as people have it: one small case per kind, with the expected rows written by hand. */
  field: { include: ['test/field/**/*.test.ts'], timeoutMs: 60_000, share: 'process' },
  runtime: { include: ['test/runtime/**/*.test.ts'], timeoutMs: 20_000, share: 'process' },
  deploy: { include: ['test/deploy/**/*.test.ts'], timeoutMs: 60_000, retry: 1, share: 'process' },
  cli: { include: ['test/cli/**/*.test.ts'], timeoutMs: 60_000, share: 'process' },
  e2e: { include: ['test/e2e/**/*.test.ts'], timeoutMs: 180_000, retry: 1, share: 'process' },
  /** In a browser. Few files, because each starts its own. */
  view: { include: ['test/view/*.test.ts'], timeoutMs: 120_000, retry: 1, share: 'process' },
  repo: { include: ['test/repo/**/*.test.ts'], timeoutMs: 60_000, share: 'process' },
  'local-cloud': {
    include: [`${LOCAL_CLOUD}/**/*.test.ts`],
    exclude: HTTP_ALONE,
    timeoutMs: 60_000,
    retry: 1,
    share: 'process',
  },
  'local-cloud-http': { include: HTTP_ALONE, timeoutMs: 60_000, retry: 1, share: 'modules' },
}

/** `npm run test:campaigns`: kills, faults and stops at many more moments than the suite has time for. */
const CAMPAIGNS = 'campaigns'

/** Kinds whose files take longest start first, so that no worker ends with a long file while the others are idle. */
const LONGEST = ['e2e', 'cli', 'deploy', 'view']

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification): number => LONGEST.indexOf(project.name) + 1 || LONGEST.length + 1
    return files.toSorted((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    // Most of the long tests wait for processes, back-offs and clocks more than they work: on two cores, a third worker
    // fills the time (one fewer than the cores is vitest's own choice). With a fourth, tests with deadlines fail now and then.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: Object.entries(KINDS).map(([name, { include, exclude = [], timeoutMs, retry = 0, share }]) => ({
      test: {
        name,
        include,
        exclude,
        isolate: share === undefined,
        ...(share === 'process' ? { setupFiles: [FRESH_MODULES] } : {}),
        testTimeout: timeoutMs,
        hookTimeout: timeoutMs,
        retry,
        pool: 'forks' as const,
        env: {
          NO_COLOR: '1',
          METADATA_SERVER_DETECTION: 'none',
          IMAGERY_CAMPAIGNS: mode === CAMPAIGNS ? 'full' : 'short',
        },
      },
    })),
  },
}))
