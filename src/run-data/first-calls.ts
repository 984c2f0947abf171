import { firstCalls, type FirstCallsRecord } from '../contracts/first-calls.ts'
import { bucketName, runFirstCallsPath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { readObjectVersion, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** Returns whether the caller is the instance that makes the first calls of a run: the first one that asks. */
export async function claimFirstCalls(run: RunRef): Promise<boolean> {
  return succeeds(write(run, { v: 1, run_id: run.run_id, is_answered: false }, '0'), 'FAILED_PRECONDITION')
}

/** Whether an instance makes the first calls of a run, and whether one of them was answered. */
export type FirstCallsState = 'unclaimed' | 'claimed' | 'answered'

/** Returns the state of a run's first calls. Those of a run that was torn down are unclaimed again. */
export async function firstCallsState(run: RunRef): Promise<FirstCallsState> {
  const found = await read(run)
  if (!found) return 'unclaimed'
  return found.record.is_answered ? 'answered' : 'claimed'
}

/** Records that a call of a run was answered. Leaves nothing behind if the run was torn down meanwhile. */
export async function noteFirstAnswer(run: RunRef): Promise<void> {
  const known = await read(run)
  if (!known || known.record.is_answered) return
  await succeeds(write(run, { ...known.record, is_answered: true }, known.generation), 'FAILED_PRECONDITION')
}

function uriOf({ run_id: runId, place }: RunRef): string {
  return `gs://${bucketName(place)}/${runFirstCallsPath(runId)}`
}

async function read(run: RunRef): Promise<{ record: FirstCallsRecord; generation: string } | undefined> {
  const found = await ifFound(readObjectVersion(uriOf(run)))
  return found && { record: firstCalls.parse(JSON.parse(found.bytes.toString('utf8'))), generation: found.generation }
}

async function write(run: RunRef, record: FirstCallsRecord, onlyGeneration: string): Promise<void> {
  await writeObject(uriOf(run), JSON.stringify(record), { contentType: 'application/json', onlyGeneration })
}
