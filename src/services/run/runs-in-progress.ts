import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { counted } from '../../contracts/count-text.ts'
import { RUN_LABEL, SNAPSHOT_ENDING } from '../../contracts/names.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { isRunId } from '../../contracts/run-id.ts'
import type { Profile, RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import type { ListedTable } from '../../google/bigquery/bigquery.ts'
import { loadRunRecord } from '../runs/record.ts'
import { runReport } from '../runs/report.ts'
import type { Target } from '../session/target.ts'
import type { Source } from '../source/parse.ts'

/** A new run. */
interface New {
  target: Target
  profile: Profile
  source: Source
  warnings: string[]
}

/**
 * Looks for runs of the same profile that have not answered all their assets yet, because `--reuse` would ask for those a second
 * time. Only such runs and stopped ones have a snapshot.
 *
 * @param tables all tables of the dataset of the new run
 * @throws ImageryError RUN_NOT_COMPLETE if one of them has the same source; of another one it warns
 */
export async function checkRunsInProgress(context: New, tables: readonly ListedTable[]): Promise<void> {
  const { target, profile, source, warnings } = context
  const runIds = tables.flatMap(({ table, labels }) =>
    table.endsWith(SNAPSHOT_ENDING) && isRunId(labels[RUN_LABEL] ?? '') ? [labels[RUN_LABEL]!] : [],
  )
  for (const runId of runIds) {
    const record = await loadRunRecord(target, runId)
    if (record?.kind !== 'recorded' || record.spec.profile.name !== profile.name) continue
    const report = await reportInProgress(record.spec)
    if (!report) continue
    if (isSameSource(record.spec, source)) throw askedTwice(report, { what: '--reuse', flags: target.flags })
    warnings.push(
      `Run ${runId} of profile ${profile.name} is ${report.state}: --reuse finds no answer for its ${pendingAssets(report)} from ${report.source}`,
    )
  }
}

/** Returns the report of a run that goes on by itself, and undefined for any other. */
export async function reportInProgress(spec: RunSpec): Promise<RunReport | undefined> {
  const report = await runReport(spec, { from: 'heartbeat', isOneLook: true })
  return report.state === 'running' || report.state === 'starting' ? report : undefined
}

/** @param options.what the flag that would ask for the pending assets of the run */
export function askedTwice(report: RunReport, { what, flags }: { what: string; flags: string }): ImageryError {
  const { run_id: runId, state } = report
  return new ImageryError(
    'RUN_NOT_COMPLETE',
    `${what}: run ${runId} is ${state}, and its ${pendingAssets(report)} would be asked twice`,
    { suggestions: [suggestedCommand(`status ${runId} --watch`, flags), suggestedCommand(`cancel ${runId}`, flags)] },
  )
}

const pendingAssets = ({ units }: RunReport): string => counted(units.pending, 'pending asset')

/** Whether a run reads the same table, file or folder, in whatever way each command names it. */
function isSameSource({ source }: RunSpec, own: Source): boolean {
  if (own.kind === 'table') {
    const { projectId, dataset, table } = own.table
    return !source.loaded && source.projectId === projectId && source.dataset === dataset && source.table === table
  }
  // Only files have hashes.
  if (own.kind === 'folder') return source.file_hash === null && source.image_folder === own.folder
  return source.image_folder === own.imageFolder && path.basename(source.given) === path.basename(own.file)
}
