import type { Carry, EarlierLedger } from '../../contracts/carry.ts'
import { MOST_LEDGERS } from '../../contracts/carry.ts'
import type { Column } from '../../contracts/columns.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { PROFILE_LABEL } from '../../contracts/labels.ts'
import { LEDGER_ENDING, RUN_LABEL, tablePath } from '../../contracts/names.ts'
import { isRunId } from '../../contracts/run-id.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { attemptColumns } from '../../contracts/tables.ts'
import {
  describeTable,
  listTables,
  tableField,
  type TableDescription,
  type TableName,
} from '../../google/bigquery/bigquery.ts'
import type { RunContext } from './context.ts'
import { ledgerGone } from './earlier-run.ts'
import type { SourceRead } from './read-source.ts'
import { checkRunsInProgress } from './runs-in-progress.ts'

export interface AnswersFound {
  carry: Carry
}

type Finding = Pick<RunContext, 'options' | 'earlier' | 'profile' | 'source' | 'target' | 'warnings'> &
  Pick<SourceRead, 'location' | 'tables'>

/** Finds the ledgers whose answers a run can carry over, before anything is created. */
export const findAnswers: PipelineStep<RunContext & SourceRead, AnswersFound> = {
  title: 'Find earlier answers',
  async run(context) {
    const carry = await answersFor(context)
    const runs = carry.ledgers.length
    const done = runs === 1 ? `run ${carry.ledgers[0]!.run_id}` : `${runs} runs`
    return { done, adds: { carry } }
  },
}

/** @throws ImageryError for an earlier run that a query cannot compare with this one, or that is still in progress */
export async function answersFor(context: Finding): Promise<Carry> {
  const { options, earlier } = context
  const trusts_addresses = options.trustAddresses === true
  if (!earlier) return { mode: 'reuse', ledgers: await ledgersOfProfile(context), trusts_addresses }
  const { runId, ledger } = earlier
  const what = `--update ${options.update ?? runId}`
  const described = await describeTable(ledger)
  if (!described) throw ledgerGone(what, runId, `${ledger.projectId}.${ledger.dataset}`)
  if (described.location.toLowerCase() !== context.location.toLowerCase()) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${what}: the ledger ${tablePath(ledger, ledger.table)} is in ${described.location}, but the source is in ${context.location}; BigQuery cannot query across locations`,
      { suggestions: ['Run the same command without --update   (asks for every asset)'] },
    )
  }
  if (!hasKeys(described)) throw tooOld(what, runId, ledger)
  return { mode: 'update', ledgers: [asEarlier(runId, ledger, described, context.profile)], trusts_addresses }
}

/** A ledger of an earlier version of imagery does not say what its answers are about. */
function tooOld(what: string, runId: string, ledger: TableName): ImageryError {
  return new ImageryError(
    'NOT_AVAILABLE',
    `${what}: an older version of imagery wrote the ledger ${tablePath(ledger, ledger.table)} of run ${runId}, and it does not say which images and which question its answers are about`,
    { suggestions: ['Run the same command without --update   (asks for every asset)'] },
  )
}

/**
 * The ledgers of the profile's earlier runs in the dataset of the new run's tables, newest first. Those of runs that were
 * torn down are there too.
 */
async function ledgersOfProfile(context: Finding): Promise<EarlierLedger[]> {
  const { tables, profile, location, warnings } = context
  const name = { projectId: tables.projectId, dataset: tables.dataset }
  const all = await listTables(name)
  await checkRunsInProgress(context, all)
  const found = all.flatMap(({ table, labels }) => {
    const runId = labels[RUN_LABEL]
    const isOurs = table.endsWith(LEDGER_ENDING) && labels[PROFILE_LABEL] === profile.name
    return isOurs && runId !== undefined && isRunId(runId) ? [{ runId, table }] : []
  })
  const newest = found.toSorted((a, b) => b.runId.localeCompare(a.runId))
  if (newest.length > MOST_LEDGERS)
    warnings.push(
      `--reuse compares with the newest ${MOST_LEDGERS} of ${newest.length} runs of profile ${profile.name}`,
    )
  const ledgers: EarlierLedger[] = []
  for (const { runId, table } of newest.slice(0, MOST_LEDGERS)) {
    const ledger = { ...name, table }
    const described = await describeTable(ledger)
    if (!described || !hasKeys(described) || described.location.toLowerCase() !== location.toLowerCase()) continue
    ledgers.push(asEarlier(runId, ledger, described, profile))
  }
  return ledgers
}

function asEarlier(runId: string, ledger: TableName, described: TableDescription, profile: Profile): EarlierLedger {
  const { projectId, dataset, table } = ledger
  return { run_id: runId, projectId, dataset, table, has_answers: hasColumns(described, attemptColumns(profile)) }
}

function hasKeys(described: TableDescription): boolean {
  return ['question_hash', 'input_images', 'carried_from'].every((column) =>
    described.fields.some(({ name }) => name === column),
  )
}

type Field = TableDescription['fields'][number]

/** Whether a ledger has all of these columns with the same types. If the schema of the answer differs, it need not. */
function hasColumns(described: TableDescription, columns: readonly Column[]): boolean {
  const shape = ({ name, type, mode, fields }: Field): string =>
    `${name} ${type} ${mode === 'REPEATED'} (${(fields ?? []).map(shape).join(',')})`
  const found = new Set(described.fields.map(shape))
  return columns.every((column) => found.has(shape(standard(tableField(column)))))
}

/** BigQuery describes columns by their legacy type names (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema). */
const LEGACY_TYPES: Record<string, string> = { INT64: 'INTEGER', FLOAT64: 'FLOAT', BOOL: 'BOOLEAN', STRUCT: 'RECORD' }

function standard(field: Field): Field {
  const type = LEGACY_TYPES[field.type ?? ''] ?? field.type
  return {
    ...field,
    ...(type === undefined ? {} : { type }),
    ...(field.fields ? { fields: field.fields.map(standard) } : {}),
  }
}
