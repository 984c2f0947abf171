import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api'
import type { Row } from '../results/read-rows.ts'
import { pointOf } from '../results/geometry.ts'
import { AxisValues } from './axis-values.ts'
import { axisName, axisValue, valueName, type Storage, type StoredColumn } from './stored-columns.ts'

export interface AppendOptions {
  columns: readonly StoredColumn[]
  pages: AsyncIterable<Row[]>
  signal: AbortSignal
  progress: (rows: number) => void
}

/** The numbers of each column that has them, by the column's index. */
export type StagedAxes = Map<number, AxisValues>

/**
 * Writes rows into the table `staging.rows`, in the order in which they come. Values go through DuckDB's appender, so that
 * no value is part of a statement.
 */
export async function stageRows(
  connection: DuckDBConnection,
  { columns, pages, signal, progress }: AppendOptions,
): Promise<StagedAxes> {
  const names = columns.flatMap((column) => [
    `${valueName(column)} ${column.storage === 'JSON' ? 'VARCHAR' : column.storage}`,
    ...(column.hasAxis ? [`${axisName(column)} DOUBLE`] : []),
  ])
  await connection.run(`CREATE TABLE staging.rows (
  unit_id VARCHAR, longitude DOUBLE, latitude DOUBLE, images INTEGER, ${names.join(', ')}
)`)
  // One transaction, so that the disk is not waited for at each flush.
  await connection.run('BEGIN TRANSACTION')
  const appender = await connection.createAppender('rows', 'main', 'staging')
  const axes: StagedAxes = new Map()
  for (const column of columns) if (column.hasAxis) axes.set(column.index, new AxisValues())
  let rows = 0
  try {
    for await (const page of pages) {
      signal.throwIfAborted()
      for (const row of page) {
        appendRow(appender, columns, row, axes)
        rows += 1
      }
      // A page has at most some 10 MB, however wide its rows are.
      appender.flushSync()
      progress(rows)
    }
  } finally {
    appender.closeSync()
  }
  await connection.run('COMMIT')
  return axes
}

function appendRow(appender: DuckDBAppender, columns: readonly StoredColumn[], row: Row, axes: StagedAxes): void {
  // A table of an earlier version has the asset's ID only.
  appender.appendVarchar(String(row['unit_id'] ?? row['asset_id']))
  const [longitude, latitude] = pointOf(row) ?? []
  appendNumber(appender, longitude)
  appendNumber(appender, latitude)
  const uris = row['gcs_uris']
  appender.appendInteger(Array.isArray(uris) ? uris.length : 0)
  for (const { column, storage, hasAxis, index } of columns) {
    const value = row[column.name]
    if (value === null || value === undefined) appender.appendNull()
    else appendValue(appender, value, storage)
    if (!hasAxis) continue
    const number = axisValue(value, column)
    appendNumber(appender, number)
    axes.get(index)?.add(number)
  }
  appender.endRow()
}

function appendNumber(appender: DuckDBAppender, value: number | null | undefined): void {
  if (value === null || value === undefined) appender.appendNull()
  else appender.appendDouble(value)
}

/** @param value plain JSON as `rowConverter` makes it: a whole number that a double cannot hold is text */
function appendValue(appender: DuckDBAppender, value: unknown, storage: Storage): void {
  switch (storage) {
    case 'VARCHAR':
      appender.appendVarchar(String(value))
      return
    case 'BIGINT':
      appender.appendBigInt(BigInt(value as number | string))
      return
    case 'DOUBLE':
      appender.appendDouble(Number(value))
      return
    case 'BOOLEAN':
      appender.appendBoolean(value === true)
      return
    case 'JSON':
      appender.appendVarchar(JSON.stringify(value))
  }
}
