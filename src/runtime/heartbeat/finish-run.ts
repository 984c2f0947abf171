import { subscriptionName, tablePath, topicName } from '../../contracts/names.ts'
import type { RunSummary, RunTotals } from '../../contracts/run-heartbeat.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { Generation } from '../../run-data/rounds.ts'
import { isControlQueue } from '../../run-data/run-queues.ts'
import type { RunCloud } from './run-cloud.ts'

/** The end of a run, as a heartbeat has seen it. */
export interface RunEnd {
  /** Every unit has its final row. */
  totals: RunTotals
  /** The newest generation before the totals were read. */
  begun: Generation | undefined
  nowMs: number
}

/**
 * Writes the results and the summary of a run whose units all have their final row. Returns undefined if a command is
 * preparing more tasks, or has prepared them meanwhile. Repeatable.
 *
 * A command announces its preparation before it looks for a summary, and this writes the summary before it looks for a
 * preparation: at least one of the two sees the other, so that nothing is deleted that a retry needs. A retry that was
 * prepared and published while the results were written has begun a generation.
 */
export async function concludeRun(
  cloud: RunCloud,
  spec: RunSpec,
  { totals, begun, nowMs }: RunEnd,
): Promise<RunSummary | undefined> {
  const report = await finalReport(cloud, spec, totals)
  await cloud.writeCompleteResults(spec, { units: totals.units.total, lastRowAt: report.finished_at })
  const summary = { v: 1 as const, run_id: spec.run_id, written_at: new Date(nowMs).toISOString(), report }
  await cloud.saveSummary(spec, summary)
  const isPrepared = await cloud.isPrepared(spec, nowMs)
  const newest = await cloud.currentGeneration(spec)
  if (!isPrepared && newest?.generation === begun?.generation) return summary
  await cloud.deleteSummary(spec)
  return undefined
}

async function finalReport(cloud: RunCloud, spec: RunSpec, totals: RunTotals): Promise<RunReport> {
  const answers = await cloud.runAnswers(spec)
  const report = await cloud.reportFrom(spec, totals, { state: 'complete', answers, stop: undefined })
  return { ...report, results_table: tablePath(spec.tables, spec.tables.results) }
}

/**
 * Deletes what a finished run no longer needs: its subscription and topic, its queues of work, and, if no unit failed,
 * its snapshot, live view and loaded source. Failed units can still be retried from the snapshot, which expires by
 * itself. Repeatable; the results, the ledger and the run's record stay.
 */
export async function removeResources(
  cloud: RunCloud,
  spec: RunSpec,
  { units }: Pick<RunReport, 'units'>,
): Promise<void> {
  await removeMessaging(cloud, spec)
  if (units.failed === 0) await cloud.deleteRunTables(spec.tables, ['live', 'assets', 'source'])
}

/** Deletes a run's subscription, topic and queues of work. */
export async function removeMessaging(cloud: RunCloud, { place, run_id: runId }: RunSpec): Promise<void> {
  // Listed first: a retry's queues have other names, and are not deleted by a slow removal.
  const run = { place, run_id: runId }
  const queues = (await cloud.allQueues(run)).filter((name) => !isControlQueue(run, name))
  await cloud.deleteSubscription(subscriptionName(place, runId))
  await cloud.deleteTopic(topicName(place, runId))
  for (const name of queues) await cloud.deleteQueue(name)
}

/** Deletes the run's control queue, with the heartbeats in it, as the last thing of all. */
export async function removeControlQueue(cloud: RunCloud, run: Pick<RunSpec, 'place' | 'run_id'>): Promise<void> {
  const queues = (await cloud.allQueues(run)).filter((name) => isControlQueue(run, name))
  for (const name of queues) await cloud.deleteQueue(name)
}
