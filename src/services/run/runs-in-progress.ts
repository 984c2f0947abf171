import { ImageryError } from '../../contracts/errors.ts'
import { counted } from '../../contracts/count-text.ts'
import { RUN_LABEL, SNAPSHOT_ENDING } from '../../contracts/names.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import { isRunId } from '../../contracts/run-id.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import type { ListedTable } from '../../google/bigquery/bigquery.ts'
import { loadRunRecord } from '../runs/record.ts'
import { runReport } from '../runs/report.ts'
import type { RunContext } from './context.ts'

type New = Pick<RunContext, 'options' | 'profile' | 'source' | 'target' | 'warnings'>

/**
 * Looks for runs of the same profile that have not answered all their assets yet, because `--reuse` would ask for those a second
 * time. Only such runs and stopped ones have a snapshot.
 *
 * @param tables all tables of the dataset of the new run
 * @throws ImageryError RUN_NOT_COMPLETE if one of them has the same source; of another one it warns
 */
export async function checkRunsInProgress(context: New, tables: readonly ListedTable[]): Promise<void> {
  const { target, profile, source, options, warnings } = context
  const runIds = tables.flatMap(({ table, labels }) =>
    table.endsWith(SNAPSHOT_ENDING) && isRunId(labels[RUN_LABEL] ?? '') ? [labels[RUN_LABEL]!] : [],
  )
  for (const runId of runIds) {
    const record = await loadRunRecord(target, runId)
    if (record?.kind !== 'recorded' || record.spec.profile.name !== profile.name) continue
    const report = await runReport(record.spec, { isOneLook: true })
    if (report.state !== 'running' && report.state !== 'starting') continue
    if (isSameSource(record.spec, { source, options })) throw stillRunning(report, target.flags)
    warnings.push(
      `Run ${runId} of profile ${profile.name} is ${report.state}: --reuse finds no answer for ${pendingText(report)} from ${report.source}`,
    )
  }
}

/** A relative path names a source only together with its folder. */
function isSameSource({ source }: RunSpec, { source: own, options }: Pick<New, 'source' | 'options'>): boolean {
  const folder = own.kind === 'table' ? null : own.kind === 'file' ? own.imageFolder : own.folder
  return source.given === options.table && source.image_folder === folder
}

function stillRunning(report: RunReport, flags: string): ImageryError {
  const { run_id: runId, state } = report
  return new ImageryError(
    'RUN_NOT_COMPLETE',
    `--reuse: run ${runId} of the same source is ${state}, and ${pendingText(report)} would be asked twice`,
    { suggestions: [suggestedCommand(`status ${runId} --watch`, flags), suggestedCommand(`cancel ${runId}`, flags)] },
  )
}

const pendingText = ({ units }: RunReport): string => `its ${counted(units.pending, 'pending asset')}`
