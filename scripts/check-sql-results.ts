import { tablePath, type RunTables } from '../src/contracts/names.ts'
import type { Profile } from '../src/contracts/run-spec.ts'
import { resultColumns } from '../src/contracts/tables.ts'
import { failureKindsOf, rawAnswersQuery, resultsQuery } from '../src/run-data/sql/ledger.ts'
import {
  assetAttemptsQuery,
  assetRowsQuery,
  similarIdsQuery,
  unitAttemptsQuery,
} from '../src/run-data/sql/one-asset.ts'
import { rowsQuery, type RowsQuery } from '../src/run-data/sql/results.ts'
import type { Statement } from './check-sql-statements.ts'

const WHERE = "unit_id != 'failed' AND (status IN ('ok', 'failed') OR finished_at IS NULL)"

/** The statements of `results` and `show`: over a run's rows, over those of a stopped run, and over its ledger. */
export function resultStatements(tables: RunTables, asked: Profile): Statement[] {
  const names = resultColumns(asked).map(({ name }) => name)
  const all: RowsQuery = {
    from: tablePath(tables, tables.live),
    columns: names,
    where: null,
    onlyFailed: false,
    sort: [],
    key: ['unit_id'],
    limit: null,
  }
  const stopped = `(${resultsQuery(tables, asked)})`
  const rawAnswers = `(${rawAnswersQuery(tables)})`
  const sort = ['finished_at', 'status'].map((column, index) => ({ column, descending: index === 0 }))
  const rawColumns = ['unit_id', 'attempt_id', 'raw_answer']
  return [
    { name: 'all rows', sql: rowsQuery(all) },
    { name: 'chosen rows', sql: rowsQuery({ ...all, where: WHERE, sort, limit: 3 }) },
    {
      name: 'chosen rows of a stopped run',
      sql: rowsQuery({ ...all, from: stopped, columns: ['status', 'unit_id'], where: WHERE, onlyFailed: true, sort }),
    },
    { name: 'columns of a stopped run', sql: stopped },
    { name: 'columns of raw answers', sql: rawAnswers },
    {
      name: 'chosen raw answers',
      sql: rowsQuery({ ...all, from: rawAnswers, columns: rawColumns, key: ['unit_id', 'attempt_id'] }),
    },
    { name: 'kinds of failures of chosen rows', sql: failureKindsOf(stopped, WHERE, 2) },
    ...['retried', 'untouched', 'none'].flatMap((id): Statement[] => [
      { name: `rows of asset ${id}`, sql: assetRowsQuery(all.from), parameters: { id } },
      { name: `rows of asset ${id} of a stopped run`, sql: assetRowsQuery(stopped), parameters: { id } },
      { name: `attempts at asset ${id}`, sql: assetAttemptsQuery(tables), parameters: { id } },
      { name: `attempts at unit ${id}`, sql: unitAttemptsQuery(tables), parameters: { id } },
    ]),
    { name: 'similar IDs', sql: similarIdsQuery(all.from, 3), parameters: { id: 'TRIED', start: 'Un' } },
    { name: 'first IDs', sql: similarIdsQuery(stopped, 3), parameters: { id: '', start: '' } },
  ]
}
