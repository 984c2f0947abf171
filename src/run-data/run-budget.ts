import { bucketName, runBudgetPath } from '../contracts/names.ts'
import { runBudget, type RunBudget } from '../contracts/run-budget.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { queryRows } from '../google/bigquery/bigquery.ts'
import { readObjectVersion, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'
import { costQuery } from './sql/ledger.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** A budget, and the generation of its object; undefined before there is one. */
export interface BudgetVersion {
  budget: RunBudget
  generation: string | undefined
}

/**
 * Returns a run's budget; undefined when no instance has taken a lease yet. Cloud Storage shows the newest version to
 * every reader (https://cloud.google.com/storage/docs/consistency).
 */
export async function readBudget(run: RunRef): Promise<BudgetVersion | undefined> {
  const read = await ifFound(readObjectVersion(uriOf(run)))
  return read && { budget: runBudget.parse(JSON.parse(read.bytes.toString('utf8'))), generation: read.generation }
}

/** Replaces the version that was read. Returns false, and changes nothing, if it is no longer the newest. */
export async function writeBudget(run: RunRef, { budget, generation }: BudgetVersion): Promise<boolean> {
  const written = writeObject(uriOf(run), JSON.stringify(budget), {
    contentType: 'application/json',
    onlyGeneration: generation ?? '0',
  })
  // The object can also have been deleted with its run.
  return succeeds(written, 'FAILED_PRECONDITION', 'NOT_FOUND')
}

/** What a ledger's rows have cost in US dollars, and how many of them have an unknown cost. */
export interface LedgerCost {
  usd: number
  unknown: number
}

/** Sums up a run's ledger. */
export async function ledgerCost({ place, source, tables }: RunSpec): Promise<LedgerCost> {
  const query = { projectId: place.projectId, location: source.location }
  const [row] = await queryRows<{ cost_usd: number; without_usage: number }>(costQuery(tables), query)
  return { usd: Number(row?.cost_usd ?? 0), unknown: Number(row?.without_usage ?? 0) }
}

function uriOf({ run_id: runId, place }: RunRef): string {
  return `gs://${bucketName(place)}/${runBudgetPath(runId)}`
}
