import { firstCalls, type FirstCallsRecord } from '../contracts/first-calls.ts'
import { bucketName, runFirstCallsPath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { readObjectVersion, writeObject } from '../google/storage/storage.ts'
import { CloudError } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** Returns whether the caller is the instance that makes the first calls of a run: the first one that asks. */
export async function claimFirstCalls(run: RunRef): Promise<boolean> {
  return unless('FAILED_PRECONDITION', write(run, { v: 1, run_id: run.run_id, is_answered: false }, '0'))
}

/** Returns whether a call of a run was answered, or the run was torn down. */
export async function hasFirstAnswer(run: RunRef): Promise<boolean> {
  return (await read(run))?.record.is_answered ?? true
}

/** Records that a call of a run was answered. Leaves nothing behind if the run was torn down meanwhile. */
export async function noteFirstAnswer(run: RunRef): Promise<void> {
  const known = await read(run)
  if (!known || known.record.is_answered) return
  await unless('FAILED_PRECONDITION', write(run, { ...known.record, is_answered: true }, known.generation))
}

function uriOf({ run_id: runId, place }: RunRef): string {
  return `gs://${bucketName(place)}/${runFirstCallsPath(runId)}`
}

async function read(run: RunRef): Promise<{ record: FirstCallsRecord; generation: string } | undefined> {
  try {
    const { bytes, generation } = await readObjectVersion(uriOf(run))
    return { record: firstCalls.parse(JSON.parse(bytes.toString('utf8'))), generation }
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}

async function write(run: RunRef, record: FirstCallsRecord, onlyGeneration: string): Promise<void> {
  await writeObject(uriOf(run), JSON.stringify(record), { contentType: 'application/json', onlyGeneration })
}

/** Returns false if the call is refused with this status. */
async function unless(status: CloudError['status'], written: Promise<void>): Promise<boolean> {
  try {
    await written
    return true
  } catch (error) {
    if (error instanceof CloudError && error.status === status) return false
    throw error
  }
}
