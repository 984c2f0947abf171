import os from 'node:os'
import type Conf from 'conf'
import type { RunReport } from '../contracts/run-report.ts'
import { ImageryError } from '../contracts/errors.ts'
import { makeFolder } from './make-folder.ts'

/** A run as this user's machine remembers it. The bucket has the truth; this is for what the bucket forgets. */
export interface RememberedRun {
  targetKey: string
  startedAt: string
  /** Set by teardown: the run's last report, since its objects are gone. */
  tornDown?: RunReport
}

interface StateFile {
  runs: Record<string, RememberedRun>
}

/** Runs beyond this many are forgotten, oldest first. */
const REMEMBERED_RUNS = 500

/** What imagery remembers between commands for one user: one JSON file, mode 0600, safe to delete. */
export interface StateStore {
  rememberRun(runId: string, run: RememberedRun): void
  forgetRun(runId: string): void
  run(runId: string): RememberedRun | undefined
  runsOf(targetKey: string): { runId: string; run: RememberedRun }[]
}

/**
 * Opens the state file `state.json` in the platform's configuration folder.
 *
 * @throws ImageryError INVALID_CONFIGURATION when it cannot be read or written, naming the file
 */
export async function openStateStore(directory: string): Promise<StateStore> {
  const Store = await loadConf()
  const file = `${directory}/state.json`
  const guarded = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw new ImageryError(
        'INVALID_CONFIGURATION',
        `The state file ${file} cannot be used: ${(error as Error).message}`,
        {
          suggestions: [`rm '${file}'   (runs are found again in the deployment's bucket)`],
          cause: error,
        },
      )
    }
  }
  guarded(() => makeFolder(directory))
  const conf = guarded(
    () =>
      new Store<StateFile>({
        cwd: directory,
        configName: 'state',
        configFileMode: 0o600,
        accessPropertiesByDotNotation: false,
        defaults: { runs: {} },
      }),
  )
  return {
    rememberRun: (runId, run) =>
      guarded(() => {
        const runs = Object.entries({ ...conf.get('runs'), [runId]: run })
        const newest = runs.toSorted(([, a], [, b]) => b.startedAt.localeCompare(a.startedAt)).slice(0, REMEMBERED_RUNS)
        conf.set('runs', Object.fromEntries(newest))
      }),
    forgetRun: (runId) =>
      guarded(() => {
        const { [runId]: _, ...others } = conf.get('runs')
        conf.set('runs', others)
      }),
    run: (runId) => guarded(() => conf.get('runs')[runId]),
    runsOf: (targetKey) =>
      guarded(() =>
        Object.entries(conf.get('runs'))
          .filter(([, run]) => run.targetKey === targetKey)
          .map(([runId, run]) => ({ runId, run })),
      ),
  }
}

/**
 * Loads `conf` without the signal handlers of a package below it: those send every signal to the
 * process once more, and what was one Ctrl-C would look like two. Its clean-up at exit stays.
 */
async function loadConf(): Promise<typeof Conf> {
  const handlers = (): Map<string, ReadonlySet<unknown>> =>
    new Map(SIGNALS.map((signal) => [signal, new Set(process.listeners(signal))]))
  const before = handlers()
  const loaded = await import('conf')
  for (const signal of SIGNALS) {
    for (const handler of process.listeners(signal)) if (!before.get(signal)?.has(handler)) process.off(signal, handler)
  }
  return loaded.default
}

const SIGNALS = Object.keys(os.constants.signals) as NodeJS.Signals[]
