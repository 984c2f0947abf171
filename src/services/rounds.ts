import { bucketName, runObjectsPrefix, topicName } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/errors.ts'
import { publish } from '../google/pubsub.ts'
import { listObjects, writeObject } from '../google/storage.ts'
import { shards } from './shards.ts'

/**
 * A round is one publication of a run's shards. Rounds of the same generation give the same task
 * names, so that whatever an earlier one has queued is not queued twice. Only when nothing is
 * queued any more, and assets still have no row, does the next generation begin: their tasks were
 * used up, and Cloud Tasks keeps their names taken for a while
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#createtaskrequest).
 */
export interface Round {
  generation: number
  onlyPending: boolean
}

/** Objects that say which generations have begun, so that every machine knows. */
function generationsPrefix(runId: string): string {
  return `${runObjectsPrefix(runId)}generations/`
}

/** The newest generation of a run that has begun; undefined before the first. */
export async function currentGeneration(spec: RunSpec): Promise<number | undefined> {
  const names = await listObjects(bucketName(spec.place), generationsPrefix(spec.run_id))
  const generations = names.map((name) => Number(name.slice(name.lastIndexOf('/') + 1)))
  return generations.length === 0 ? undefined : Math.max(...generations)
}

/** Records a round and publishes its shards. Answers how many. */
export async function publishRound(
  spec: RunSpec,
  options: { assets: number; queues: readonly string[]; round: Round },
): Promise<number> {
  const { run_id: runId, place } = spec
  const mark = `gs://${bucketName(place)}/${generationsPrefix(runId)}${options.round.generation}`
  try {
    await writeObject(mark, '', { contentType: 'text/plain', onlyNew: true })
  } catch (error) {
    // Another round of this generation has begun before: that is what generations are for.
    if (!(error instanceof CloudError) || error.status !== 'FAILED_PRECONDITION') throw error
  }
  const messages = shards(runId, options.assets, options.queues, options.round)
  await publish(topicName(place, runId), messages.map((message) => JSON.stringify(message)))
  return messages.length
}
