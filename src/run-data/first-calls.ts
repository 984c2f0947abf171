import { firstCalls, type FirstCallsRecord } from '../contracts/first-calls.ts'
import { bucketName, runFirstCallsPath } from '../contracts/names.ts'
import { questionHash } from '../contracts/question-hash.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { readObjectVersion, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'

type Run = Pick<RunSpec, 'run_id' | 'place' | 'unit' | 'profile' | 'gemini'>

/** Returns whether the caller is the instance that makes the first calls of a run: the first one that asks. */
export async function claimFirstCalls(run: Run): Promise<boolean> {
  return succeeds(write(run, { v: 1, run_id: run.run_id, answered: null }, '0'), 'FAILED_PRECONDITION')
}

/**
 * Whether an instance makes the first calls of a run, and whether one of them was answered: to the question of the spec, or to
 * another one, as that of the run itself before a retry with another model.
 */
export type FirstCallsState = 'unclaimed' | 'claimed' | 'answered' | 'answered otherwise'

/** Returns the state of a run's first calls. Those of a run that was torn down are unclaimed again. */
export async function firstCallsState(run: Run): Promise<FirstCallsState> {
  const found = await read(run)
  if (!found) return 'unclaimed'
  const { answered } = found.record
  if (answered === null) return 'claimed'
  return answered === questionOf(run) ? 'answered' : 'answered otherwise'
}

/** Records that a call of a run was answered. Leaves nothing behind if the run was torn down meanwhile. */
export async function noteFirstAnswer(run: Run): Promise<void> {
  const answered = questionOf(run)
  const known = await read(run)
  if (!known || known.record.answered === answered) return
  await succeeds(write(run, { ...known.record, answered }, known.generation), 'FAILED_PRECONDITION')
}

/** All calls of a run have the same answerer. */
function questionOf(run: Run): string {
  return questionHash(run, '')
}

function uriOf({ run_id: runId, place }: Run): string {
  return `gs://${bucketName(place)}/${runFirstCallsPath(runId)}`
}

async function read(run: Run): Promise<{ record: FirstCallsRecord; generation: string } | undefined> {
  const found = await ifFound(readObjectVersion(uriOf(run)))
  return found && { record: firstCalls.parse(JSON.parse(found.bytes.toString('utf8'))), generation: found.generation }
}

async function write(run: Run, record: FirstCallsRecord, onlyGeneration: string): Promise<void> {
  await writeObject(uriOf(run), JSON.stringify(record), { contentType: 'application/json', onlyGeneration })
}
