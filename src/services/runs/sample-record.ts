import { bucketName, samplePath, type DeploymentRef } from '../../contracts/names.ts'
import { hashOf, type RunSpec } from '../../contracts/run-spec.ts'
import { deleteObject, readObject, writeObject } from '../../google/storage/storage.ts'
import { CloudError } from '../../google/transport/errors.ts'

/** What a sample asked: only a run that asks the same of the same assets continues it. */
export interface Asked {
  table: string
  profile: RunSpec['profile']
  unit: RunSpec['unit']
  images: RunSpec['images']
  gemini: RunSpec['gemini']
  where: string | null
  limit: number | null
  sample: number | null
}

function objectOf(place: DeploymentRef, asked: Asked): string {
  return `gs://${bucketName(place)}/${samplePath(hashOf(asked))}`
}

function askedBy({ source, profile, unit, images, gemini }: RunSpec): Asked {
  const { given: table, where, limit, sample } = source
  return { table, profile, unit, images, gemini, where, limit, sample }
}

/** Lets a run with the same options find a sample. The bucket deletes the object with the run's others, after 7 days. */
export async function rememberSample(spec: RunSpec): Promise<void> {
  const text = JSON.stringify({ v: 1, run_id: spec.run_id })
  await writeObject(objectOf(spec.place, askedBy(spec)), text, { contentType: 'application/json' })
}

/** Deletes the same, unless a later sample has replaced it. */
export async function forgetSample(spec: RunSpec): Promise<void> {
  const uri = objectOf(spec.place, askedBy(spec))
  if ((await runIdIn(uri)) === spec.run_id) await deleteObject(uri)
}

async function runIdIn(uri: string): Promise<string | undefined> {
  try {
    return (JSON.parse((await readObject(uri)).toString('utf8')) as { run_id: string }).run_id
  } catch (error) {
    // Without access to the bucket there is no sample to find, and the command's own steps say what is missing.
    if (error instanceof CloudError && ['NOT_FOUND', 'PERMISSION_DENIED'].includes(error.status)) return undefined
    throw error
  }
}

/** Returns the run that a sample has begun by asking this; undefined if there is none. It can be gone meanwhile. */
export async function sampledRunId(place: DeploymentRef, asked: Asked): Promise<string | undefined> {
  return runIdIn(objectOf(place, asked))
}
