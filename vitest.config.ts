import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { KINDS, kindOf } from './test/kinds.ts'

/** Gives each file of a shared process fresh modules, and the limits of its kind. */
const FRESH_MODULES = 'test/fresh-modules.ts'

const LOCAL_CLOUD = 'packages/local-cloud/test'

/** The emulated APIs that speak HTTP alone: gRPC reads its certificates once per process. */
const HTTP_ALONE = [
  ...['bigquery', 'iam', 'storage', 'vertex'].map((api) => `${LOCAL_CLOUD}/${api}/*.test.ts`),
  `${LOCAL_CLOUD}/kernel/transcoding-*.test.ts`,
]

/** Files that share a process. */
interface Group {
  include: string[]
  exclude?: string[]
  timeoutMs?: number
  retry?: number
  setupFiles?: string[]
}

const GROUPS: Record<string, Group> = {
  /** Kinds whose files leave something behind. They are one group because a process runs files of one group only. */
  system: {
    include: KINDS.map(({ folder }) => `${folder}/**/*.test.ts`),
    exclude: HTTP_ALONE,
    setupFiles: [FRESH_MODULES],
  },
  /** These share our modules too. */
  'local-cloud-http': { include: HTTP_ALONE, timeoutMs: 60_000, retry: 1 },
  unit: {
    include: ['contracts', 'google', 'profiles', 'run-data', 'services', 'ui', 'viewer'].map(
      (room) => `test/${room}/**/*.test.ts`,
    ),
    timeoutMs: 20_000,
  },
}

/** `npm run test:campaigns`: kills, faults and stops at many more moments than the suite has time for. */
const CAMPAIGNS = 'campaigns'

/**
 * Puts files that work between files that wait, so that both cores are busy all the time. vitest gives the next file to the
 * worker that is free, and ends a worker when the next file is of another group; so the groups come one after another.
 * The last ones have only short files, so that no worker ends with a long file while the others are idle.
 */
class WaitingAmongWorking extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const groups = Object.keys(GROUPS)
    const rank = ({ project }: TestSpecification): number => groups.indexOf(project.name)
    const isWaiting = (file: TestSpecification): boolean => rank(file) === 0 && kindOf(file.moduleId).waits === true
    const waiting = files.filter(isWaiting)
    const working = files.filter((file) => rank(file) === 0 && !isWaiting(file))
    const place = new Map(
      [waiting, working].flatMap((list) => list.map((file, index) => [file, (index + 0.5) / list.length] as const)),
    )
    return files.toSorted((a, b) => rank(a) - rank(b) || (place.get(a) ?? 0) - (place.get(b) ?? 0))
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    // Most of the long tests wait for processes, back-offs and clocks more than they work (one worker fewer than the cores
    // is vitest's own choice).
    maxWorkers: 3,
    sequence: { sequencer: WaitingAmongWorking },
    projects: Object.entries(GROUPS).map(([name, { timeoutMs, ...group }]) => ({
      test: {
        ...group,
        name,
        isolate: false,
        ...(timeoutMs === undefined ? {} : { testTimeout: timeoutMs, hookTimeout: timeoutMs }),
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
