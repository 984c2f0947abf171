import { BUCKETS, type Overrides, type ShardMessage } from '../contracts/messages.ts'

/** Approximate units per shard. populate turns them into tasks in a few seconds, well within the push deadline. */
const UNITS_PER_SHARD = 2_000

/**
 * Splits a run's buckets into shards of about equal size, and assigns them to the run's queues in turn.
 *
 * @param units about how many units the round queues: those of the snapshot, or the pending ones. Fewer shards read less,
 *   because each one's query also reads the rows that BigQuery has not sorted into partitions yet
 * @param queues full names
 */
export function shards(
  runId: string,
  units: number,
  queues: readonly string[],
  round: {
    generation: number
    onlyPending: boolean
    overrides?: Overrides | undefined
    skip?: readonly string[] | undefined
  },
): ShardMessage[] {
  const count = Math.min(BUCKETS, Math.max(queues.length, Math.ceil(units / UNITS_PER_SHARD)))
  return Array.from({ length: count }, (_, index) => ({
    v: 1 as const,
    run_id: runId,
    queue: queues[index % queues.length]!,
    bucket_from: Math.floor((index * BUCKETS) / count),
    bucket_to: Math.floor(((index + 1) * BUCKETS) / count) - 1,
    generation: round.generation,
    only_pending: round.onlyPending,
    ...(round.overrides === undefined ? {} : { overrides: round.overrides }),
    ...(round.skip === undefined || round.skip.length === 0 ? {} : { skip: [...round.skip] }),
  }))
}
