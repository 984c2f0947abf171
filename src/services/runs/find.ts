import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, runSpecPath } from '../../contracts/names.ts'
import { isRunId, RUN_ID_PREFIX_PATTERN } from '../../contracts/run-id.ts'
import { runSpec, type RunSpec } from '../../contracts/run-spec.ts'
import { CloudError, ifFound } from '../../google/transport/errors.ts'
import { listFolders, readObject, writeObject } from '../../google/storage/storage.ts'
import type { StateStore } from '../session/state-store.ts'
import { deploymentText, type Target } from '../session/target.ts'

/** Returns the run IDs in the deployment's bucket, oldest first. */
export async function listRunIds(target: Target): Promise<string[]> {
  const folders = await listFolders(bucketName(target.place), 'runs/')
  return folders.map((folder) => folder.slice('runs/'.length, -1)).filter(isRunId)
}

/** Saves a run's spec, which never changes. */
export async function saveRunSpec(spec: RunSpec): Promise<void> {
  const uri = `gs://${bucketName(spec.place)}/${runSpecPath(spec.run_id)}`
  const text = JSON.stringify(spec, null, 2)
  try {
    await writeObject(uri, text, { contentType: 'application/json', onlyNew: true })
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
    // The response to the first attempt was lost, and the client's retry found what the first wrote.
    if ((await readObject(uri)).toString('utf8') !== text) throw error
  }
}

/** Returns a run's spec from the bucket, or undefined if the bucket has none. */
export async function loadRunSpec(target: Target, runId: string): Promise<RunSpec | undefined> {
  const uri = `gs://${bucketName(target.place)}/${runSpecPath(runId)}`
  const bytes = await ifFound(readObject(uri))
  if (!bytes) return undefined
  try {
    return runSpec.parse(JSON.parse(bytes.toString('utf8')))
  } catch (error) {
    throw new ImageryError(
      'INVALID_CONFIGURATION',
      `${uri} is not a run record that this version of imagery can read: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/**
 * Returns the full run ID for a unique prefix, or that of the newest run if the user typed none.
 * Considers runs in the bucket and torn down runs that this machine remembers.
 *
 * @throws ImageryError INVALID_FLAG, RUN_NOT_FOUND, AMBIGUOUS_RUN_ID
 */
export async function findRunId(target: Target, store: StateStore, typed: string | undefined): Promise<string> {
  if (typed !== undefined && !RUN_ID_PREFIX_PATTERN.test(typed)) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${typed} is not a run ID. A run ID looks like 261123-9f3c1a7b; a unique prefix is enough`,
      {
        suggestions: [`imagery runs${target.flags}`],
      },
    )
  }
  const inBucket = await listRunIds(target)
  const remembered = store.runsOf(target.key)
  if (typed === undefined) return newestRunId(target, inBucket, remembered)
  const matches = [...new Set([...inBucket, ...remembered.map(({ runId }) => runId)])].filter((runId) =>
    runId.startsWith(typed),
  )
  if (matches.length > 1) {
    throw new ImageryError(
      'AMBIGUOUS_RUN_ID',
      `Run ID ${typed} is ambiguous. It matches ${matches.toSorted().join(', ')}`,
      {
        suggestions: [`imagery runs${target.flags}`],
      },
    )
  }
  if (matches[0]) return matches[0]
  throw runNotFound(target, typed)
}

async function newestRunId(
  target: Target,
  inBucket: readonly string[],
  remembered: { runId: string; run: { startedAt: string } }[],
): Promise<string> {
  const startedAt = new Map(remembered.map(({ runId, run }) => [runId, run.startedAt]))
  const days = inBucket.map((runId) => runId.slice(0, 6)).toSorted()
  const newestDay = days.at(-1)
  // IDs sort only by day. Among the runs of the newest day, the start time decides.
  for (const runId of inBucket) {
    if (runId.slice(0, 6) !== newestDay || startedAt.has(runId)) continue
    const spec = await loadRunSpec(target, runId)
    if (spec) startedAt.set(runId, spec.created_at)
  }
  const known = (inBucket.length > 0 ? inBucket : [...startedAt.keys()]).flatMap((runId) => {
    const at = startedAt.get(runId)
    return at === undefined ? [] : [{ runId, at }]
  })
  const newest = known.toSorted((a, b) => a.at.localeCompare(b.at)).at(-1)
  if (newest) return newest.runId
  throw new ImageryError('RUN_NOT_FOUND', `There are no runs yet in ${deploymentText(target.place)}`, {
    suggestions: [`imagery run${target.flags} --table TABLE --profile PROFILE`],
  })
}

export function runNotFound(target: Target, runId: string): ImageryError {
  return new ImageryError('RUN_NOT_FOUND', `There is no run ${runId} in ${deploymentText(target.place)}`, {
    suggestions: [`imagery runs${target.flags}`],
  })
}
