import type { Hono } from 'hono'
import { pushEnvelope, shardMessage, type PushEnvelope, type ShardMessage } from '../../contracts/messages.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import type { Callers } from '../callers.ts'
import { describeFaults, httpService, readBody, requestTrace } from '../http-service.ts'
import { runQueueNames } from '../run-queues.ts'
import type { RunSpecs } from '../run-specs.ts'
import { SpecError } from '../spec-rules.ts'
import { ShardPopulator, type ShardDeps } from './populate-shard.ts'

export interface PopulateDeps extends ShardDeps {
  place: DeploymentRef
  /** Undefined when the host checks the caller. */
  callers?: Callers | undefined
  specs: RunSpecs
  /** Whether a run's generation has begun. */
  hasBegun: (runId: string, generation: number) => Promise<boolean>
}

/**
 * From this age on, a shard queues only pending units. Cloud Tasks refuses the name of a finished task for at least an
 * hour (`tombstone_ttl` in https://cloud.google.com/tasks/docs/reference/rest/v2beta3/projects.locations.queues), so a
 * message that Pub/Sub keeps delivering for longer would create the tasks again that are done. Half an hour leaves time
 * for the longest push, which is 10 minutes.
 */
const OLD_MS = 30 * 60_000

/**
 * The populate service: POST / for Pub/Sub push, GET /healthz.
 *
 * A shard gets 200 when all its tasks exist. A message that can never become work is acknowledged and
 * logged, because Pub/Sub would repeat it until its retention ends
 * (docs/decisions/0004-poison-messages.md). A body that is not a push delivery gets 400. A transient
 * failure gets 5xx, and Pub/Sub delivers the message again.
 *
 * A shard of a generation that a later one has replaced creates nothing: the later one queues all that is pending, and
 * tasks of both would pay for the same units.
 */
export function populateApp(deps: PopulateDeps): Hono {
  const { log, place, specs } = deps
  const app = httpService({ log, projectId: place.projectId, callers: deps.callers })
  const populator = new ShardPopulator(deps)

  app.post('/', async (context) => {
    const envelope = await readBody(context, pushEnvelope)
    const trace = requestTrace(context, place.projectId)
    const message = { message_id: envelope.message.messageId, subscription: envelope.subscription, trace }
    const read = readShard(envelope, place)
    if ('poison' in read) {
      log.error(`dropped a message that is not a shard: ${read.poison}`, message)
      return context.json({ outcome: 'dropped', reason: read.poison })
    }
    const { shard } = read
    const onlyPending = shard.only_pending || isOld(envelope, deps.clock.now())
    const labels = { run_id: shard.run_id, buckets: `${shard.bucket_from}-${shard.bucket_to}`, ...message }
    try {
      const spec = await specs.get(shard.run_id)
      if (await deps.hasBegun(shard.run_id, shard.generation + 1)) {
        log.warning(`dropped a shard of generation ${shard.generation}: the next one has begun`, labels)
        return context.json({ outcome: 'superseded' })
      }
      const count = await populator.populate(spec, { ...shard, only_pending: onlyPending })
      log.info(`populated buckets ${labels.buckets}`, { ...labels, ...count })
      return context.json({ outcome: 'populated', ...count })
    } catch (error) {
      if (error instanceof SpecError) {
        log.error(`dropped a shard: ${error.message}`, labels)
        return context.json({ outcome: 'dropped', reason: error.message })
      }
      if (!(await specs.isGone(shard.run_id, error))) throw error
      log.warning('dropped a shard: its run was torn down', labels)
      return context.json({ outcome: 'run_gone' })
    }
  })

  return app
}

/** A message without a time, which Google always sends, counts as old. */
function isOld({ message }: PushEnvelope, nowMs: number): boolean {
  return message.publishTime === undefined || nowMs - Date.parse(message.publishTime) > OLD_MS
}

function readShard(envelope: PushEnvelope, place: DeploymentRef): { shard: ShardMessage } | { poison: string } {
  let data: unknown
  try {
    data = JSON.parse(Buffer.from(envelope.message.data ?? '', 'base64').toString('utf8'))
  } catch (error) {
    return { poison: `its data is not JSON: ${String(error)}` }
  }
  const parsed = shardMessage.safeParse(data)
  if (!parsed.success) return { poison: describeFaults(parsed.error) }
  const { run_id, queue } = parsed.data
  const isOwn = runQueueNames(place, run_id).includes(queue)
  return isOwn ? { shard: parsed.data } : { poison: `queue: ${queue} is not a queue of run ${run_id}` }
}
