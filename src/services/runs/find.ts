import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, runSpecPath } from '../../contracts/names.ts'
import { isRunId, RUN_ID_PREFIX_PATTERN } from '../../contracts/run-id.ts'
import { runSpec, type RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { listFolders, readObject, writeObject } from '../../google/storage/storage.ts'
import type { StateStore } from '../session/state-store.ts'
import { deploymentText, type Target } from '../session/target.ts'

/** The run ids that the deployment's bucket holds, oldest first. */
export async function listRunIds(target: Target): Promise<string[]> {
  const folders = await listFolders(bucketName(target.place), 'runs/')
  return folders.map((folder) => folder.slice('runs/'.length, -1)).filter(isRunId)
}

/** Keeps a run's spec for ever as it is. */
export async function saveRunSpec(spec: RunSpec): Promise<void> {
  const uri = `gs://${bucketName(spec.place)}/${runSpecPath(spec.run_id)}`
  const text = JSON.stringify(spec, null, 2)
  try {
    await writeObject(uri, text, { contentType: 'application/json', onlyNew: true })
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
    // The answer to the first try was lost, and the client's second met what the first had written.
    if ((await readObject(uri)).toString('utf8') !== text) throw error
  }
}

/** A run's spec from the bucket, or undefined when the bucket has none. */
export async function loadRunSpec(target: Target, runId: string): Promise<RunSpec | undefined> {
  const uri = `gs://${bucketName(target.place)}/${runSpecPath(runId)}`
  try {
    return runSpec.parse(JSON.parse((await readObject(uri)).toString('utf8')))
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    if (error instanceof CloudError) throw error
    throw new ImageryError(
      'INVALID_CONFIGURATION',
      `${uri} is not a run of this version of imagery: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/**
 * The whole run id for what the user typed: a unique prefix, or nothing for the newest run. Runs
 * in the bucket and runs that this machine remembers (torn down ones) count.
 *
 * @throws ImageryError INVALID_FLAG, RUN_NOT_FOUND, AMBIGUOUS_RUN_ID
 */
export async function findRunId(target: Target, store: StateStore, typed: string | undefined): Promise<string> {
  if (typed !== undefined && !RUN_ID_PREFIX_PATTERN.test(typed)) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${typed} is not a run id: one looks like 261123-9f3c1a7b, and any unique beginning of it will do`,
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
    throw new ImageryError('AMBIGUOUS_RUN_ID', `${typed} may be any of ${matches.toSorted().join(', ')}`, {
      suggestions: [`imagery runs${target.flags}`],
    })
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
  // Ids sort by day only; among those of the newest day the start time decides.
  for (const runId of inBucket) {
    if (runId.slice(0, 6) !== newestDay || startedAt.has(runId)) continue
    const spec = await loadRunSpec(target, runId)
    if (spec) startedAt.set(runId, spec.created_at)
  }
  const known = inBucket.length > 0 ? inBucket.filter((runId) => startedAt.has(runId)) : [...startedAt.keys()]
  const newest = known.toSorted((a, b) => startedAt.get(a)!.localeCompare(startedAt.get(b)!)).at(-1)
  if (newest) return newest
  throw new ImageryError('RUN_NOT_FOUND', `There is no run yet in ${deploymentText(target.place)}`, {
    suggestions: [`imagery run${target.flags} --table TABLE --profile PROFILE`],
  })
}

export function runNotFound(target: Target, runId: string): ImageryError {
  return new ImageryError('RUN_NOT_FOUND', `There is no run ${runId} in ${deploymentText(target.place)}`, {
    suggestions: [`imagery runs${target.flags}`],
  })
}
