import { overrides, type Overrides } from '../../contracts/messages.ts'
import { bucketName, runObjectsPrefix, topicName } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { publish } from '../../google/pubsub.ts'
import { listObjects, readObject, writeObject } from '../../google/storage/storage.ts'
import { shards } from './shards.ts'

/**
 * A round is one publication of a run's shards. Rounds of the same generation give the same task
 * names, so that whatever an earlier one has queued is not queued twice. Only when nothing is
 * queued any more, and assets still have no row, does the next generation begin: their tasks were
 * used up, and Cloud Tasks keeps their names taken for a while
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#createtaskrequest).
 */
export interface Round extends Generation {
  onlyPending: boolean
}

export interface Generation {
  generation: number
  /** What a retry asks differently of its units. */
  overrides?: Overrides | undefined
}

/** Objects that say which generations have begun, so that every machine knows. */
function generationsPrefix(runId: string): string {
  return `${runObjectsPrefix(runId)}generations/`
}

/** The newest generation of a run that has begun, and what it asks differently; undefined before the first. */
export async function currentGeneration(spec: RunSpec): Promise<Generation | undefined> {
  const names = await listObjects(bucketName(spec.place), generationsPrefix(spec.run_id))
  const generations = names.map((name) => Number(name.slice(name.lastIndexOf('/') + 1)))
  if (generations.length === 0) return undefined
  const generation = Math.max(...generations)
  const text = (await readObject(markUri(spec, generation))).toString('utf8')
  return text === '' ? { generation } : { generation, overrides: overrides.parse(JSON.parse(text)) }
}

/**
 * Writes down that a generation has begun, and what it asks differently, so that whoever finishes
 * the run asks the same. One that has begun before stays as it is.
 */
export async function beginGeneration(spec: RunSpec, { generation, overrides: asked }: Generation): Promise<void> {
  try {
    const text = asked === undefined ? '' : JSON.stringify(asked)
    await writeObject(markUri(spec, generation), text, { contentType: 'application/json', onlyNew: true })
  } catch (error) {
    // Another round of this generation has begun before: that is what generations are for.
    if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
  }
}

/** Records a round and publishes its shards. Answers how many. */
export async function publishRound(
  spec: RunSpec,
  options: { assets: number; queues: readonly string[]; round: Round },
): Promise<number> {
  const { run_id: runId, place } = spec
  await beginGeneration(spec, options.round)
  const messages = shards(runId, options.assets, options.queues, options.round)
  await publish(
    topicName(place, runId),
    messages.map((message) => JSON.stringify(message)),
  )
  return messages.length
}

function markUri(spec: RunSpec, generation: number): string {
  return `gs://${bucketName(spec.place)}/${generationsPrefix(spec.run_id)}${generation}`
}
