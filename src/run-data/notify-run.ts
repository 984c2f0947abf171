import { runNotification, type RunNotification } from '../contracts/run-notification.ts'
import type { RunStop } from '../contracts/run-controls.ts'
import type { RunReport } from '../contracts/run-report.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { CloudError } from '../google/transport/errors.ts'
import { publish } from '../google/rest/pubsub-messages.ts'
import { runAnswers } from './answers.ts'
import { summaryOf } from './heartbeat-record.ts'
import { claimNotification, noteSent, releaseClaim } from './notified.ts'
import { currentGeneration } from './rounds.ts'
import { reportFrom } from './run-report.ts'
import { runControlsOf, runStopOf } from './run-stop.ts'
import { readTotals } from './run-totals.ts'

type NotifiedEvent = RunNotification['event']

/** Something that happened to a run. A run can be stopped, resumed and completed several times. */
interface DueEvent {
  event: NotifiedEvent
  /** Unlike that of any other event of the run. */
  key: string
}

/**
 * Publishes a message to the run's topic about each event of the run that has none yet. Returns the events; none for a run
 * without a topic.
 *
 * Every event gets its message at least once: the next call sends what is missing. It is sent twice only if a
 * process dies after it published and before it noted that, or takes minutes to do so. Pub/Sub itself can deliver a
 * message twice too (https://cloud.google.com/pubsub/docs/subscription-overview#default_properties).
 *
 * @param options.looks whether to read the ledger to see if the run is complete; not needed after a heartbeat has ended it
 * @throws CloudError if Pub/Sub refuses a message
 */
export async function notifyRun(spec: RunSpec, options: { nowMs: number; looks: boolean }): Promise<NotifiedEvent[]> {
  const { notify_topic: topic } = await runControlsOf(spec)
  if (topic === null) return []
  const [begun, stop, summary] = await Promise.all([currentGeneration(spec), runStopOf(spec), summaryOf(spec)])
  if (begun === undefined) return []
  const { generation } = begun
  let known: RunReport | undefined = summary?.report
  const report = async (): Promise<RunReport | undefined> => (known ??= await runningReport(spec, stop, options.nowMs))
  const isComplete =
    summary !== undefined || (options.looks && (await report())?.state === 'complete' && known?.results_table !== null)
  const due: DueEvent[] = [
    { event: 'started', key: 'started' },
    ...(stop && !isComplete && stop.reason !== 'sample' ? [stoppedEvent(stop)] : []),
    ...(isComplete ? [{ event: 'completed' as const, key: `completed-${generation}` }] : []),
  ]
  const sent: NotifiedEvent[] = []
  for (const each of due)
    if (await sendOnce(spec, topic, each, { report, stop, nowMs: options.nowMs })) sent.push(each.event)
  return sent
}

function stoppedEvent(stop: RunStop): DueEvent {
  return { event: 'stopped', key: `stopped-${Date.parse(stop.stopped_at)}` }
}

interface Sending {
  report: () => Promise<RunReport | undefined>
  stop: RunStop | undefined
  nowMs: number
}

/** Returns whether it was sent here. */
async function sendOnce(
  spec: RunSpec,
  topic: string,
  { event, key }: DueEvent,
  { report, stop, nowMs }: Sending,
): Promise<boolean> {
  if ((await claimNotification(spec, key, nowMs)) !== 'ours') return false
  try {
    const message = messageOf(spec, { event, key }, { report: await report(), stop, nowMs })
    const { run_id, event_id } = message
    await publish(topic, [JSON.stringify(message)], { run_id, event, event_id })
  } catch (error) {
    await releaseClaim(spec, key)
    throw error
  }
  await noteSent(spec, key, nowMs)
  return true
}

function messageOf(
  spec: RunSpec,
  { event, key }: DueEvent,
  { report, stop, nowMs }: { report: RunReport | undefined; stop: RunStop | undefined; nowMs: number },
): RunNotification {
  const { projectId, region, name } = spec.place
  return runNotification.parse({
    v: 1,
    event,
    event_id: `${spec.run_id}/${key}`,
    published_at: new Date(nowMs).toISOString(),
    run_id: spec.run_id,
    deployment: { project_id: projectId, region, name: name ?? null },
    profile: spec.profile.name,
    source: spec.source.given,
    units: report?.units ?? { total: 0, ok: 0, failed: 0, pending: 0 },
    cost_usd: report?.cost_usd ?? 0,
    stopped: event === 'stopped' ? (stop ?? null) : null,
    results_table: event === 'completed' ? (report?.results_table ?? null) : null,
  } satisfies RunNotification)
}

/** Returns the report of a run that has no final one; undefined before its tables exist. */
async function runningReport(spec: RunSpec, stop: RunStop | undefined, nowMs: number): Promise<RunReport | undefined> {
  try {
    const totals = await readTotals(spec, nowMs)
    const { total, pending } = totals.units
    const state = total > 0 && pending === 0 ? 'complete' : stop ? 'paused' : 'running'
    return await reportFrom(spec, totals, { state, answers: await runAnswers(spec), stop })
  } catch (error) {
    if (error instanceof CloudError && error.status === 'NOT_FOUND') return undefined
    throw error
  }
}
