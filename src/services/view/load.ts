import { randomUUID } from 'node:crypto'
import { rm, rename, chmod } from 'node:fs/promises'
import path from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { hasBars, isCharted } from '@imagery/viewer/contract/charts'
import { duckDbError } from './duckdb-error.ts'
import { LAYOUT, type About, type CodedColumn, type Coding } from './about.ts'
import { NO_CODE } from './axis-values.ts'
import { stageRows, type AppendOptions, type StagedAxes } from './stage-rows.ts'
import { memoryLimit, openDuckDb, rowsOf } from './database.ts'
import { axisName, codeName, dictionaryName, valueName, type StoredColumn } from './stored-columns.ts'

/**
 * Reads all rows of a run into a DuckDB file, with everything that charts need: codes by which rows are counted, and bins.
 * The file gets its name when it is complete.
 *
 * @param options.memory of DuckDB, in MiB
 * @param options.sortedBytes bytes of rows that are sorted at once
 * @throws the signal's reason when it is aborted; ImageryError FILE_NOT_WRITABLE, as on a full disk; what reading the rows throws
 */
export async function loadResults(
  file: string,
  options: AppendOptions & { memory?: number; sortedBytes?: number },
): Promise<void> {
  const { memory = memoryLimit(), sortedBytes = memory * 2 ** 20 * SORTED_SHARE } = options
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
    const instance = await openDuckDb(part, { isReadOnly: false, memory })
    const connection = await instance.connect()
    const interrupt = (): void => connection.interrupt()
    options.signal.addEventListener('abort', interrupt)
    try {
      await connection.run(`ATTACH '${staging.replaceAll("'", "''")}' AS staging`)
      // What is deleted soon is not worth compressing.
      await connection.run("SET force_compression = 'uncompressed'")
      const axes = await stageRows(connection, options)
      await connection.run("SET force_compression = 'auto'")
      const about = await arrangeRows(connection, options.columns, { axes, sortedBytes })
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
  // A table of its own: otherwise DuckDB sorts whole rows here, and takes their sizes afterwards.
  await connection.run(
    `CREATE TABLE staging.sizes AS SELECT unit_id, rowid AS place, ${bytesOf(columns)} AS bytes FROM staging.rows`,
  )
  // In the order of the staged rows, which are then read beside it: a join can hold whole rows in memory.
  await connection.run(`CREATE TABLE staging.ranks AS SELECT n, bytes FROM (
  SELECT row_number() OVER (ORDER BY unit_id) - 1 AS n, place, bytes FROM staging.sizes) ORDER BY place`)
  const select = `SELECT CAST(n AS INTEGER) AS n, unit_id, longitude, latitude, images,
    ${statusIs("= 'ok'")} AS is_ok, ${statusIs("IN ('failed', 'throttled')")} AS is_failed,
    ${[...values, ...codes.map(({ expression }) => expression)].join(', ')}
  FROM (SELECT * FROM staging.rows POSITIONAL JOIN staging.codes POSITIONAL JOIN staging.ranks) AS staged ${codes.map(({ join }) => join).join(' ')}`
  await connection.run(`CREATE TABLE rows AS ${select} WITH NO DATA`)
  const ends = await partEnds(connection, sortedBytes)
  if (await hasWideRows(connection, sortedBytes)) await connection.run('SET threads = 1')
  for (const [part, end] of ends.entries())
    await connection.run(`INSERT INTO rows ${select} WHERE n >= ${ends[part - 1] ?? 0} AND n < ${end} ORDER BY n`)
  const bounds = await boundsOf(connection)
  return { layout: LAYOUT, rows: ends.at(-1) ?? 0, columns: coded, bounds }
}

/** The rows that each thread of DuckDB has in memory at once (https://duckdb.org/docs/stable/internals/vector). */
const ROWS_AT_ONCE = 2_048

/** Whether the rows that a thread has at once can be more than are sorted at once. Two threads with such rows can fill the memory. */
async function hasWideRows(connection: DuckDBConnection, sortedBytes: number): Promise<boolean> {
  const [[widest] = []] = await rowsOf(connection, 'SELECT max(bytes) FROM staging.ranks')
  return Number(widest ?? 0) * ROWS_AT_ONCE > sortedBytes
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

/** Of DuckDB's memory. Each part reads all staged rows, so that few large parts are faster. */
const SORTED_SHARE = 0.2

/** Bytes of a value besides its text. */
const VALUE_BYTES = 24

/** Rows whose sizes are added up before they get their part. */
const SIZED_ROWS = 64

/** The bytes of a staged row, as an expression. */
function bytesOf(columns: readonly StoredColumn[]): string {
  const texts = columns
    .filter(({ storage }) => storage === 'VARCHAR' || storage === 'JSON')
    .map((column) => ` + coalesce(strlen(CAST(${valueName(column)} AS VARCHAR)), 0)`)
  return `strlen(unit_id)${texts.join('')} + ${VALUE_BYTES * columns.length}`
}

/** Returns where the parts of the sorted rows end: wide rows can stand side by side, so that a mean size says nothing. */
async function partEnds(connection: DuckDBConnection, sortedBytes: number): Promise<number[]> {
  const groups = await rowsOf(
    connection,
    `SELECT max(n) + 1, sum(bytes) FROM staging.ranks GROUP BY n // ${SIZED_ROWS} ORDER BY 1`,
  )
  const ends: number[] = []
  let sized = 0
  let last = 0
  for (const [end, bytes] of groups) {
    if (last > (ends.at(-1) ?? 0) && sized + Number(bytes) > sortedBytes) {
      ends.push(last)
      sized = 0
    }
    sized += Number(bytes)
    last = Number(end)
  }
  return last > 0 ? [...ends, last] : []
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
    // Of 64-bit hashes, because DuckDB holds all that it counts in memory, and texts can be long. If two texts had one hash,
    // no figure would change: the bars are counted by the dictionary.
    `SELECT count(DISTINCT hash(${name})) FILTER (${name} IS NOT NULL), count(${name}), coalesce(max(length(${name})), 0) FROM staging.rows`,
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
