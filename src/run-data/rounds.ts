import { overrides, type Overrides } from '../contracts/messages.ts'
import { bucketName, generationsPrefix, topicName } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/transport/errors.ts'
import { publish } from '../google/rest/pubsub-messages.ts'
import { listObjects, readObject, writeObject } from '../google/storage/storage.ts'
import { shards } from './shards.ts'

/**
 * A round is one publication of a run's shards. Rounds of the same generation use the same task
 * names, so that no task is queued twice. The next generation starts only if nothing is queued and
 * assets still have no row: their tasks are used up, and Cloud Tasks reserves their names for a while
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#createtaskrequest).
 */
export interface Round extends Generation {
  onlyPending: boolean
  /** Units that get no task, because they have their row. */
  skip?: readonly string[] | undefined
}

export interface Generation {
  generation: number
  /** The settings that a retry overrides for its units. */
  overrides?: Overrides | undefined
}

/** Returns the newest started generation of a run and its overrides, or undefined before the first. */
export async function currentGeneration(spec: RunSpec): Promise<Generation | undefined> {
  const names = await listObjects(bucketName(spec.place), generationsPrefix(spec.run_id))
  const generations = names.map((name) => Number(name.slice(name.lastIndexOf('/') + 1)))
  if (generations.length === 0) return undefined
  const generation = Math.max(...generations)
  const text = (await readObject(markUri(spec, generation))).toString('utf8')
  return text === '' ? { generation } : { generation, overrides: overrides.parse(JSON.parse(text)) }
}

/**
 * Records that a generation has started, and its overrides, so that a command that finishes the run
 * uses the same ones. An already recorded generation is not changed.
 */
export async function beginGeneration(spec: RunSpec, { generation, overrides: asked }: Generation): Promise<void> {
  try {
    const text = asked === undefined ? '' : JSON.stringify(asked)
    await writeObject(markUri(spec, generation), text, { contentType: 'application/json', onlyNew: true })
  } catch (error) {
    // An earlier round has already recorded this generation.
    if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
  }
}

/** Records a round and publishes its shards. Returns the number of shards. */
export async function publishRound(
  spec: RunSpec,
  options: { units: number; queues: readonly string[]; round: Round },
): Promise<number> {
  const { run_id: runId, place } = spec
  await beginGeneration(spec, options.round)
  const messages = shards(runId, options.units, options.queues, options.round)
  await publish(
    topicName(place, runId),
    messages.map((message) => JSON.stringify(message)),
  )
  return messages.length
}

function markUri(spec: RunSpec, generation: number): string {
  return `gs://${bucketName(spec.place)}/${generationsPrefix(spec.run_id)}${generation}`
}
