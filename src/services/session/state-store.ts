import type { DeploymentRef } from '../../contracts/names.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { openUserFile } from './user-file.ts'

/** A run that this machine remembers. The bucket is authoritative; this is for what the bucket no longer has. */
export interface RememberedRun {
  targetKey: string
  startedAt: string
  /** Set by teardown: the run's last report, because its objects are deleted. */
  tornDown?: RunReport
}

interface StateFile {
  runs: Record<string, RememberedRun>
  /** By target key, as `googleKey` returns it. */
  deployments: Record<string, DeploymentRef>
}

/** The number of runs to remember. The oldest are removed first. */
const REMEMBERED_RUNS = 500

/** The state that imagery remembers between commands for one user: one JSON file, mode 0600, safe to delete. */
export interface StateStore {
  rememberRun(runId: string, run: RememberedRun): void
  forgetRun(runId: string): void
  run(runId: string): RememberedRun | undefined
  runsOf(targetKey: string): { runId: string; run: RememberedRun }[]
  /** Remembers a deployment on Google Cloud. If a project has only one, commands use it by default. */
  rememberDeployment(targetKey: string, place: DeploymentRef): void
  forgetDeployment(targetKey: string): void
  deployments(): DeploymentRef[]
}

/**
 * Opens the state file `state.json` in the platform's configuration folder.
 *
 * @throws ImageryError INVALID_CONFIGURATION that names the file if it cannot be read or written
 */
export async function openStateStore(directory: string): Promise<StateStore> {
  const { use } = await openUserFile<StateFile>(directory, {
    name: 'state',
    what: 'state file',
    remedy: "imagery finds the runs again in the deployment's bucket",
    defaults: { runs: {}, deployments: {} },
  })
  return {
    rememberRun: (runId, run) =>
      use((state) => {
        const runs = Object.entries({ ...state.get('runs'), [runId]: run })
        const newest = runs.toSorted(([, a], [, b]) => b.startedAt.localeCompare(a.startedAt)).slice(0, REMEMBERED_RUNS)
        state.set('runs', Object.fromEntries(newest))
      }),
    forgetRun: (runId) =>
      use((state) => {
        const { [runId]: _, ...others } = state.get('runs')
        state.set('runs', others)
      }),
    run: (runId) => use((state) => state.get('runs')[runId]),
    runsOf: (targetKey) =>
      use((state) =>
        Object.entries(state.get('runs'))
          .filter(([, run]) => run.targetKey === targetKey)
          .map(([runId, run]) => ({ runId, run })),
      ),
    rememberDeployment: (targetKey, place) =>
      use((state) => state.set('deployments', { ...state.get('deployments'), [targetKey]: place })),
    forgetDeployment: (targetKey) =>
      use((state) => {
        const { [targetKey]: _, ...others } = state.get('deployments')
        state.set('deployments', others)
      }),
    deployments: () => use((state) => Object.values(state.get('deployments'))),
  }
}
