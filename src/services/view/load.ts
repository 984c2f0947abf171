import { randomUUID } from 'node:crypto'
import { rm, rename, chmod } from 'node:fs/promises'
import path from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { hasBars, isCharted } from '@imagery/viewer/contract/charts'
import { duckDbError } from '../results/duckdb-error.ts'
import { LAYOUT, type About, type CodedColumn, type Coding } from './about.ts'
import { NO_CODE } from './axis-values.ts'
import { stageRows, type AppendOptions, type StagedAxes } from './stage-rows.ts'
import { openDuckDb, rowsOf } from './database.ts'
import { axisName, codeName, dictionaryName, valueName, type StoredColumn } from './stored-columns.ts'

/**
 * Reads all rows of a run into a DuckDB file, with everything that charts need: codes by which rows are counted, and bins.
 * The file gets its name when it is complete.
 *
 * @param options.sortedBytes bytes of rows that are sorted at once
 * @throws the signal's reason when it is aborted; ImageryError FILE_NOT_WRITABLE, as on a full disk; what reading the rows throws
 */
export async function loadResults(file: string, options: AppendOptions & { sortedBytes?: number }): Promise<void> {
  // Two commands can read the same run at once.
  const own = `${file}.${randomUUID()}`
  const [part, staging] = [`${own}.part`, `${own}.rows`]
  const remove = (): Promise<unknown> =>
    Promise.all(
      [part, `${part}.wal`, `${part}.tmp`, staging, `${staging}.wal`].map((name) =>
        rm(name, { recursive: true, force: true, maxRetries: 3 }),
      ),
    )
  try {
    const instance = await openDuckDb(part, { isReadOnly: false })
    const connection = await instance.connect()
    const interrupt = (): void => connection.interrupt()
    options.signal.addEventListener('abort', interrupt)
    try {
      await connection.run(`ATTACH '${staging.replaceAll("'", "''")}' AS staging`)
      // What is deleted soon is not worth compressing.
      await connection.run("SET force_compression = 'uncompressed'")
      const axes = await stageRows(connection, options)
      await connection.run("SET force_compression = 'auto'")
      const about = await arrangeRows(connection, options.columns, {
        axes,
        sortedBytes: options.sortedBytes ?? SORTED_BYTES,
      })
      await connection.run('CREATE TABLE about (document VARCHAR)')
      await connection.run('INSERT INTO about VALUES (?)', [JSON.stringify(about)])
      await connection.run('DETACH staging')
      await connection.run('CHECKPOINT')
    } finally {
      options.signal.removeEventListener('abort', interrupt)
      connection.closeSync()
      instance.closeSync()
    }
    await chmod(part, 0o600)
    await rename(part, file)
  } catch (error) {
    options.signal.throwIfAborted()
    const folder = path.dirname(file)
    throw duckDbError(error, { folder, kept: folder })
  } finally {
    await remove()
  }
}

/**
 * Writes the table `rows` from the staged rows: in the order of their units' IDs, with codes. A sort holds whole rows in
 * memory several times, and DuckDB fails when its memory is full, so only some rows are sorted at once.
 */
async function arrangeRows(
  connection: DuckDBConnection,
  columns: readonly StoredColumn[],
  { axes, sortedBytes }: { axes: StagedAxes; sortedBytes: number },
): Promise<About> {
  const coded: CodedColumn[] = []
  const ranges: CodedRange[] = []
  for (const column of columns) {
    const range = isCharted(column.column) ? axes.get(column.index)?.coding(column) : undefined
    if (range) ranges.push({ column, codeOf: range.codeOf })
    coded.push({ ...column, coding: range?.coding ?? (await codingOf(connection, column)) })
  }
  await stageCodes(connection, ranges)
  const status = columns.find(({ column }) => column.name === 'status')
  const statusIs = (condition: string): string =>
    status ? `coalesce(${valueName(status)} ${condition}, false)` : 'true'
  const values = columns.flatMap((column) => [
    `staged.${valueName(column)}`,
    ...(column.hasAxis ? [`staged.${axisName(column)}`] : []),
  ])
  const codes = coded.map(codeOf).filter((code) => code !== undefined)
  await connection.run(`CREATE TABLE staging.places AS
SELECT row_number() OVER (ORDER BY unit_id) - 1 AS n, rowid AS place FROM staging.rows`)
  const select = `SELECT CAST(n AS INTEGER) AS n, unit_id, longitude, latitude, images,
    ${statusIs("= 'ok'")} AS is_ok, ${statusIs("IN ('failed', 'throttled')")} AS is_failed,
    ${[...values, ...codes.map(({ expression }) => expression)].join(', ')}
  FROM (SELECT * FROM staging.rows POSITIONAL JOIN staging.codes) AS staged JOIN staging.places USING (place) ${codes.map(({ join }) => join).join(' ')}`
  await connection.run(`CREATE TABLE rows AS ${select} WITH NO DATA`)
  const { rows: total, bytesPerRow } = await sizes(connection, columns)
  const atOnce = Math.max(1, Math.floor(sortedBytes / bytesPerRow))
  for (let from = 0; from < total; from += atOnce)
    await connection.run(`INSERT INTO rows ${select} WHERE n >= ${from} AND n < ${from + atOnce} ORDER BY n`)
  const bounds = await boundsOf(connection)
  return { layout: LAYOUT, rows: total, columns: coded, bounds }
}

/** Returns the narrower of the boxes around all locations: the one across the antimeridian has its west above its east. */
async function boundsOf(connection: DuckDBConnection): Promise<About['bounds']> {
  const [found = []] = await rowsOf(
    connection,
    `SELECT min(longitude), max(longitude), min(latitude), max(latitude), min(longitude) FILTER (longitude >= 0), max(longitude) FILTER (longitude < 0)
FROM rows WHERE longitude IS NOT NULL AND latitude IS NOT NULL`,
  )
  const [west, east, south, north, firstEast, lastWest] = found as (number | null)[]
  if (!isNumber(west) || !isNumber(east) || !isNumber(south) || !isNumber(north)) return null
  const isCrossing = isNumber(firstEast) && isNumber(lastWest) && 360 - (firstEast - lastWest) < east - west
  return isCrossing ? [firstEast, south, lastWest, north] : [west, south, east, north]
}

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number'

/** A fifth of DuckDB's memory (`database.ts`). Each part reads all staged rows, so that few large parts are faster. */
const SORTED_BYTES = 192 * 2 ** 20

/** Bytes of a value besides its text. */
const VALUE_BYTES = 24

/** Returns the number of staged rows, and their mean size. */
async function sizes(
  connection: DuckDBConnection,
  columns: readonly StoredColumn[],
): Promise<{ rows: number; bytesPerRow: number }> {
  const texts = columns
    .filter(({ storage }) => storage === 'VARCHAR' || storage === 'JSON')
    .map((column) => ` + coalesce(strlen(CAST(${valueName(column)} AS VARCHAR)), 0)`)
  const [[rows, bytes] = []] = await rowsOf(
    connection,
    `SELECT count(*), coalesce(avg(strlen(unit_id)${texts.join('')}), 0) FROM staging.rows`,
  )
  return { rows: Number(rows), bytesPerRow: Number(bytes) + VALUE_BYTES * columns.length }
}

interface CodedRange {
  column: StoredColumn
  codeOf: (row: number) => number
}

/** Writes the codes of ranges into `staging.codes`, row by row as `staging.rows` has them. */
async function stageCodes(connection: DuckDBConnection, ranges: readonly CodedRange[]): Promise<void> {
  const names = ranges.map(({ column }) => `, ${codeName(column)} USMALLINT`)
  await connection.run(`CREATE TABLE staging.codes (place INTEGER${names.join('')})`)
  const [[rows] = []] = await rowsOf(connection, 'SELECT count(*) FROM staging.rows')
  await connection.run('BEGIN TRANSACTION')
  const appender = await connection.createAppender('codes', 'main', 'staging')
  for (let row = 0; row < Number(rows); row += 1) {
    appender.appendInteger(row)
    for (const { codeOf: code } of ranges) {
      const found = code(row)
      if (found === NO_CODE) appender.appendNull()
      else appender.appendUSmallInt(found)
    }
    appender.endRow()
  }
  appender.closeSync()
  await connection.run('COMMIT')
}

function codeOf(column: CodedColumn): { expression: string; join: string } | undefined {
  const { coding } = column
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
      return { expression: `staged.${codeName(column)}`, join: '' }
    case 'none':
      return undefined
  }
}

async function codingOf(connection: DuckDBConnection, stored: StoredColumn): Promise<Coding> {
  const { column } = stored
  if (!isCharted(column)) return { by: 'none' }
  return column.kind === 'boolean' ? { by: 'boolean' } : valueCoding(connection, stored)
}

async function valueCoding(connection: DuckDBConnection, stored: StoredColumn): Promise<Coding> {
  const name = valueName(stored)
  const { kind, allowed } = stored.column
  const [[values, rows, longest] = []] = await rowsOf(
    connection,
    `SELECT count(DISTINCT ${name}), count(${name}), coalesce(max(length(${name})), 0) FROM staging.rows`,
  )
  const found = { values: Number(values), rows: Number(rows), longest: Number(longest) }
  if (kind === 'text' && !hasBars(found)) return { by: 'none' }
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
