import type { ViewedFailures, ViewedRun } from '@imagery/viewer/contract/run'
import { stateName, type RunReport } from '../../contracts/run-report.ts'
import { suggestedCommands } from '../../contracts/suggested-command.ts'
import { profileModel } from '../../contracts/run-spec.ts'
import type { About } from './about.ts'
import type { OpenedRun } from './open-run.ts'

/**
 * Describes a run for the viewer.
 *
 * @param counted.flags the cloud flags of the commands that it suggests
 */
export function viewedRun(
  { runId, spec, report, rows }: OpenedRun,
  about: About,
  counted: { ok: number; failed: number; cost_usd: number; is_live: boolean; flags: string },
): ViewedRun {
  const { ok, failed, is_live } = counted
  const profile = spec?.profile
  // A report of a run in progress can be half a minute older than its rows.
  const isNewer = report === undefined || rows.version === undefined
  return {
    run_id: runId,
    results_table: rows.table,
    source: report?.source ?? spec?.source.given ?? '',
    profile: profile?.name ?? report?.profile ?? '',
    prompt: profile?.prompt ?? '',
    model: spec ? (spec.gemini?.model ?? profileModel(spec.profile)) : '',
    answered_by: report?.answers?.by ?? null,
    is_billed: report?.answers?.billed ?? null,
    state: report ? stateName(report) : 'torn down',
    units: isNewer ? { total: about.rows, ok, failed, pending: about.rows - ok - failed } : report.units,
    // The report also counts the attempts before the current ones.
    cost_usd: Math.max(report?.cost_usd ?? 0, isNewer ? counted.cost_usd : 0),
    started_at: report?.started_at ?? '',
    finished_at: report?.finished_at ?? null,
    failures: failuresOf(report, counted.flags),
    columns: about.columns.map(({ column }) => column),
    bounds: about.bounds,
    is_live,
    has_images: true,
    can_review: true,
  }
}

function failuresOf(report: RunReport | undefined, flags: string): ViewedFailures[] {
  return (report?.failure_groups ?? []).map(({ cause, units, example, next }) => ({
    cause,
    units,
    example,
    next: suggestedCommands(next, flags),
  }))
}
