import { ImageryError } from '../../contracts/errors.ts'
import { LEDGER_ENDING, RUN_LABEL, tablePath } from '../../contracts/names.ts'
import { isRunId } from '../../contracts/run-id.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { describeTable, listTables, type TableName } from '../../google/bigquery/bigquery.ts'
import { findRunTables, runTable } from '../../run-data/run-tables.ts'
import { findRunId } from '../runs/find.ts'
import { loadRunRecord } from '../runs/record.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { parseTableName } from '../source/table-name.ts'
import { askedTwice, reportInProgress } from './runs-in-progress.ts'

/** The run that `--update` names, found by its ID or by one of its tables. */
export interface EarlierRun {
  runId: string
  ledger: TableName
  /** Undefined for a run that was torn down, or whose deployment is another one. */
  spec: RunSpec | undefined
}

interface Base {
  target: Target
  store: StateStore
}

/**
 * Finds the run that an update compares with.
 *
 * @param given a run ID or unique prefix, or one of its tables: `[project.]dataset.table`
 * @throws ImageryError RUN_NOT_FOUND, SOURCE_NOT_FOUND, RUN_NOT_COMPLETE, INVALID_FLAG
 */
export async function findEarlierRun(base: Base, given: string): Promise<EarlierRun> {
  const earlier = given.includes('.') || given.includes(':') ? await byTable(base, given) : await byId(base, given)
  if (!earlier.spec) return earlier
  const report = await reportInProgress(earlier.spec)
  if (report) throw askedTwice(report, { what: `--update ${given}`, flags: base.target.flags })
  return earlier
}

async function byId({ target, store }: Base, typed: string): Promise<EarlierRun> {
  const runId = await findRunId(target, store, typed).catch((error: unknown) => {
    // A run that was torn down leaves its ledger, and perhaps no trace on this machine.
    if (error instanceof ImageryError && error.code === 'RUN_NOT_FOUND' && isRunId(typed)) return typed
    throw error
  })
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'loading') throw notYet(runId, target)
  const spec = record?.kind === 'recorded' ? record.spec : record?.leaving.spec
  if (spec)
    return { runId, ledger: runTable(spec.tables, 'attempts'), spec: record?.kind === 'recorded' ? spec : undefined }
  const remembered = store.run(runId)?.tornDown?.attempts_table
  const ledger =
    remembered === undefined
      ? (await findRunTables(target.place.projectId, runId)).find(({ table }) => table.endsWith(LEDGER_ENDING))
      : namedTable(remembered)
  if (ledger) return { runId, ledger, spec: undefined }
  throw new ImageryError(
    'RUN_NOT_FOUND',
    `--update ${typed}: there is no run ${runId} in this deployment, and no ledger of it in project ${target.place.projectId}`,
    {
      suggestions: [suggestedCommand('runs', target.flags), 'Run the same command with --update PROJECT.DATASET.TABLE'],
    },
  )
}

function notYet(runId: string, { flags }: Target): ImageryError {
  return new ImageryError(
    'RUN_NOT_COMPLETE',
    `--update ${runId}: the run is still loading its source and has no answers`,
    {
      suggestions: [suggestedCommand(`status ${runId}`, flags)],
    },
  )
}

async function byTable({ target }: Base, given: string): Promise<EarlierRun> {
  const name = tableNamed(given, target.place.projectId)
  const path = tablePath(name, name.table)
  const described = await describeTable(name)
  if (!described) {
    throw new ImageryError('SOURCE_NOT_FOUND', `--update ${given}: there is no table ${path}`, {
      suggestions: [suggestedCommand('runs', target.flags)],
    })
  }
  const runId = described.labels[RUN_LABEL]
  if (runId === undefined || !isRunId(runId)) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--update ${given}: ${path} is no table of an imagery run (it has no label ${RUN_LABEL}); to read it as a source, use --table`,
      { suggestions: [suggestedCommand('runs', target.flags)] },
    )
  }
  const record = await loadRunRecord(target, runId)
  if (record?.kind === 'loading') throw notYet(runId, target)
  const spec = record?.kind === 'recorded' && record.spec.tables.dataset === name.dataset ? record.spec : undefined
  if (spec) return { runId, ledger: runTable(spec.tables, 'attempts'), spec }
  const tables = await listTables(name)
  const ledger = tables.find(({ table, labels }) => labels[RUN_LABEL] === runId && table.endsWith(LEDGER_ENDING))
  if (ledger) return { runId, ledger: { ...name, table: ledger.table }, spec: undefined }
  throw ledgerGone(`--update ${given}`, runId, `${name.projectId}.${name.dataset}`)
}

/** The error for a run whose ledger was deleted: its results alone do not say which images they are about. */
export function ledgerGone(what: string, runId: string, where: string): ImageryError {
  return new ImageryError(
    'NOT_AVAILABLE',
    `${what}: the ledger of run ${runId} is not in ${where} any more, so nothing shows which images its answers are about`,
    { suggestions: ['Run the same command without --update   (asks for every asset)'] },
  )
}

/** `dataset.table` is in the deployment's project. */
function tableNamed(given: string, projectId: string): TableName {
  const parts = given.replaceAll('`', '').split('.')
  return parts.length === 2 && !given.includes(':')
    ? namedTable(`${projectId}.${parts.join('.')}`, given)
    : namedTable(given)
}

function namedTable(path: string, given = path): TableName {
  try {
    return parseTableName(path).table
  } catch (error) {
    if (!(error instanceof ImageryError)) throw error
    throw new ImageryError('INVALID_FLAG', `--update ${given} is neither a run ID nor a table of a run`, {
      suggestions: ['--update 261123-9f3c1a7b', '--update PROJECT.DATASET.TABLE'],
      cause: error,
    })
  }
}
