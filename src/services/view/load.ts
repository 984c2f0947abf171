import { rm, rename, chmod } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Bin } from '@imagery/viewer/contract/bins'
import { histogramBins } from '@imagery/viewer/contract/bins'
import { isCharted, isTooVaried } from '@imagery/viewer/contract/charts'
import { LAYOUT, type About, type CodedColumn, type Coding } from './about.ts'
import { stageRows, type AppendOptions } from './stage-rows.ts'
import { openDuckDb, rowsOf } from './database.ts'
import { axisName, codeName, dictionaryName, valueName, type StoredColumn } from './stored-columns.ts'

/** DuckDB counts rows by codes below 4,096 without a hash table. The bounds of the bins come on top. */
const MOST_PARTS = 2_000

/**
 * Reads all rows of a run into a DuckDB file, with everything that charts need: codes by which rows are counted, and bins.
 * The file gets its name when it is complete.
 *
 * @throws the signal's reason when it is aborted; what reading the rows throws
 */
export async function loadResults(file: string, options: AppendOptions): Promise<void> {
  const [part, staging] = [`${file}.part`, `${file}.rows`]
  const remove = (): Promise<unknown> =>
    Promise.all(
      [part, `${part}.wal`, `${part}.tmp`, staging, `${staging}.wal`].map((name) =>
        rm(name, { recursive: true, force: true, maxRetries: 3 }),
      ),
    )
  await remove()
  const instance = await openDuckDb(part, { isReadOnly: false })
  try {
    const connection = await instance.connect()
    const interrupt = (): void => connection.interrupt()
    options.signal.addEventListener('abort', interrupt)
    try {
      await connection.run(`ATTACH '${staging.replaceAll("'", "''")}' AS staging`)
      await stageRows(connection, options)
      const about = await arrangeRows(connection, options.columns)
      await connection.run('CREATE TABLE about (document VARCHAR)')
      await connection.run('INSERT INTO about VALUES (?)', [JSON.stringify(about)])
      await connection.run('DETACH staging')
      await connection.run('CHECKPOINT')
    } catch (error) {
      options.signal.throwIfAborted()
      throw error
    } finally {
      options.signal.removeEventListener('abort', interrupt)
      connection.closeSync()
      instance.closeSync()
    }
    await chmod(part, 0o600)
    await rename(part, file)
  } finally {
    await remove()
  }
}

/** Writes the table `rows` from the staged rows: in the order of their units' IDs, with codes. */
async function arrangeRows(connection: DuckDBConnection, columns: readonly StoredColumn[]): Promise<About> {
  const coded: CodedColumn[] = []
  for (const column of columns) coded.push({ ...column, coding: await codingOf(connection, column) })
  const status = columns.find(({ column }) => column.name === 'status')
  const statusIs = (condition: string): string =>
    status ? `coalesce(${valueName(status)} ${condition}, false)` : 'true'
  const values = columns.flatMap((column) => [
    `staged.${valueName(column)}`,
    ...(column.hasAxis ? [`staged.${axisName(column)}`] : []),
  ])
  const codes = coded.map(codeOf).filter((code) => code !== undefined)
  await connection.run(`CREATE TABLE rows AS
SELECT CAST(row_number() OVER (ORDER BY unit_id) - 1 AS INTEGER) AS n, unit_id, longitude, latitude, images,
  ${statusIs("= 'ok'")} AS is_ok, ${statusIs("IN ('failed', 'throttled')")} AS is_failed,
  ${[...values, ...codes.map(({ expression }) => expression)].join(', ')}
FROM staging.rows AS staged ${codes.map(({ join }) => join).join(' ')}
ORDER BY unit_id`)
  for (const { index } of columns) await connection.run(`DROP TABLE IF EXISTS b${index}`)
  const [[rows, west, south, east, north] = []] = await rowsOf(
    connection,
    'SELECT count(*), min(longitude), min(latitude), max(longitude), max(latitude) FROM rows',
  )
  const bounds = west === null ? null : ([west, south, east, north] as [number, number, number, number])
  return { layout: LAYOUT, rows: Number(rows), columns: coded, bounds }
}

function codeOf(column: CodedColumn): { expression: string; join: string } | undefined {
  const { coding, index } = column
  switch (coding.by) {
    case 'value': {
      const dictionary = dictionaryName(column)
      return {
        expression: `CAST(${dictionary}.code AS ${coding.values < 65_536 ? 'USMALLINT' : 'UINTEGER'}) AS ${codeName(column)}`,
        join: `LEFT JOIN ${dictionary} ON staged.${valueName(column)} = ${dictionary}.value`,
      }
    }
    case 'boolean':
      return { expression: `CAST(staged.${valueName(column)} AS UTINYINT) AS ${codeName(column)}`, join: '' }
    case 'range':
      if (coding.bounds.length === 0) return { expression: `CAST(NULL AS USMALLINT) AS ${codeName(column)}`, join: '' }
      return {
        expression: `CAST(b${index}.code AS USMALLINT) AS ${codeName(column)}`,
        join: `ASOF LEFT JOIN b${index} ON staged.${axisName(column)} >= b${index}.low`,
      }
    case 'none':
      return undefined
  }
}

async function codingOf(connection: DuckDBConnection, stored: StoredColumn): Promise<Coding> {
  const { column, hasAxis } = stored
  if (!isCharted(column)) return { by: 'none' }
  if (column.kind === 'boolean') return { by: 'boolean' }
  return hasAxis ? rangeCoding(connection, stored) : valueCoding(connection, stored)
}

async function valueCoding(connection: DuckDBConnection, stored: StoredColumn): Promise<Coding> {
  const name = valueName(stored)
  const { kind, allowed } = stored.column
  const [[values, rows] = []] = await rowsOf(
    connection,
    `SELECT count(DISTINCT ${name}), count(${name}) FROM staging.rows`,
  )
  if (kind === 'text' && isTooVaried(Number(values), Number(rows))) return { by: 'none' }
  const { LIST, listValue, VARCHAR } = await import('@duckdb/node-api')
  await connection.run(
    `CREATE TABLE ${dictionaryName(stored)} AS
SELECT row_number() OVER (ORDER BY list_position(?, value) NULLS LAST, value) - 1 AS code, value
FROM (SELECT DISTINCT ${name} AS value FROM staging.rows WHERE ${name} IS NOT NULL)`,
    [listValue(kind === 'enum' ? (allowed ?? []) : [])],
    [LIST(VARCHAR)],
  )
  return { by: 'value', values: Number(values) }
}

async function rangeCoding(connection: DuckDBConnection, stored: StoredColumn): Promise<Coding> {
  const name = axisName(stored)
  const [[values, min, max] = []] = await rowsOf(
    connection,
    `SELECT count(DISTINCT ${name}), min(${name}), max(${name}) FROM staging.rows`,
  )
  if (min === null) return { by: 'range', bounds: [], bins: [] }
  const bins: Bin[] = histogramBins({ min: min as number, max: max as number }, binKind(stored))
  const shares = Array.from({ length: MOST_PARTS }, (_, part) => part / MOST_PARTS)
  const found = await rowsOf(
    connection,
    Number(values) <= MOST_PARTS
      ? `SELECT DISTINCT ${name} FROM staging.rows WHERE ${name} IS NOT NULL`
      : `SELECT DISTINCT unnest(quantile_disc(${name}, [${shares.join(', ')}])) FROM staging.rows`,
  )
  const all = new Set([min as number, ...found.map(([value]) => value as number), ...bins.map(({ from }) => from)])
  const bounds = [...all].toSorted((a, b) => a - b)
  await connection.run(`CREATE TABLE b${stored.index} (low DOUBLE, code INTEGER)`)
  const appender = await connection.createAppender(`b${stored.index}`)
  for (const [code, low] of bounds.entries()) {
    appender.appendDouble(low)
    appender.appendInteger(code)
    appender.endRow()
  }
  appender.closeSync()
  return { by: 'range', bounds, bins }
}

function binKind({ column: { kind, is_integer: isWhole } }: StoredColumn): 'whole' | 'number' | 'time' {
  return kind === 'time' ? 'time' : isWhole ? 'whole' : 'number'
}
