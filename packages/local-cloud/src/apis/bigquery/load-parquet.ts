import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { LoadedRows, SourceFile } from './load-text.ts'
import { absent, planColumn, type PlanOptions } from './parquet-plan.ts'
import { NOT_PARQUET, parquetColumns, type ParquetNode, type SchemaRow } from './parquet-schema.ts'
import type { ParquetOptions } from './parquet-types.ts'
import type { RunningJob } from './running-job.ts'
import { checkFields, parseFields, type Field } from './table-schema.ts'
import { quote } from './sql/analysis.ts'
import type { Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

interface ParquetLoad {
  files: readonly SourceFile[]
  physical: string
  load: Body
  known: Field[] | undefined
  running: RunningJob
}

/** Reads Parquet files into a table of rows; columns meet an explicit schema by name. */
export async function loadParquet({ store }: Warehouse, load: ParquetLoad): Promise<LoadedRows> {
  const options = planOptions(load.load)
  const directory = await mkdtemp(path.join(tmpdir(), 'imagery-parquet-'))
  try {
    // The schema is that of the alphabetically last file:
    // https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_schemas
    const sorted = load.files.toSorted((left, right) => ((left.uri ?? '') < (right.uri ?? '') ? -1 : 1))
    const paths = await Promise.all(
      sorted.map(async ({ content }, index) => {
        const name = path.join(directory, `${index}.parquet`)
        await writeFile(name, content)
        return name
      }),
    )
    return await store.read(async (connection) => {
      const columns = await columnsOf(connection, paths.at(-1)!)
      const byName = new Map(columns.map((column) => [column.name.toLowerCase(), column]))
      const plans = load.known
        ? load.known.map((field) => {
            const node = byName.get(field.name.toLowerCase())
            return { node, plan: node ? planColumn(node, options, field) : absent(field) }
          })
        : columns.map((node) => ({ node, plan: planColumn(node, options) }))
      const fields = load.known ?? parseFields(plans.map(({ plan }) => plan.field))
      checkFields(fields)
      const list = plans.map(
        ({ node, plan }, index) =>
          `${plan.sql(node ? `"${node.name.replaceAll('"', '""')}"` : 'NULL', 0)} AS c${index}`,
      )
      const from = `read_parquet([${paths.map(quote).join(', ')}], union_by_name => true)`
      const create = `CREATE TABLE data.${load.physical} AS SELECT ${list.join(', ')} FROM ${from}`
      const created = await load.running
        .statements(connection, () => connection.run(create))
        .catch((error: unknown) => {
          throw badValue(error)
        })
      const rows = await created.getRows()
      return { fields, rows: Number(rows[0]![0]), bad: 0, errors: [] }
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** How DuckDB speaks of content that it cannot read, as opposed to a disk. */
const DAMAGED = /^(Invalid|Conversion|Out of Range|Not implemented|Serialization) |^IO Error: Un|Parquet/i

async function columnsOf(connection: DuckDBConnection, file: string): Promise<ParquetNode[]> {
  try {
    const rows = await (await connection.run(`SELECT * FROM parquet_schema(${quote(file)})`)).getRowObjects()
    const shapes = await shapeColumns(connection, file)
    return parquetColumns(rows as unknown as SchemaRow[]).map((column) =>
      shapes.has(column.name) ? { ...column, logical: 'GEOPARQUET' } : column,
    )
  } catch (error) {
    // A file that is no Parquet is the caller's fault: https://cloud.google.com/bigquery/docs/error-messages (`invalid`).
    if (!(error instanceof Error) || !DAMAGED.test(error.message)) throw error
    throw new GoogleError('INVALID_ARGUMENT', NOT_PARQUET, { reason: 'invalid', cause: error })
  }
}

/** The columns that the metadata of GeoParquet describes: https://geoparquet.org/releases/v1.1.0/ */
async function shapeColumns(connection: DuckDBConnection, file: string): Promise<Set<string>> {
  const query = `SELECT decode(value) FROM parquet_kv_metadata(${quote(file)}) WHERE decode(key) = 'geo'`
  const [row] = await (await connection.run(query)).getRows()
  if (!row) return new Set()
  try {
    const { columns = {} } = JSON.parse(String(row[0])) as { columns?: Record<string, { encoding?: unknown }> }
    return new Set(Object.entries(columns).flatMap(([name, { encoding }]) => (encoding === 'WKB' ? [name] : [])))
  } catch (error) {
    if (error instanceof SyntaxError) return new Set()
    throw error
  }
}

/** A value that its column does not take, or a damaged file, ends the load as `invalid`. */
function badValue(error: unknown): unknown {
  const message = error instanceof Error ? error.message : ''
  if (!message.includes('bq:') && !DAMAGED.test(message)) return error
  const text = /bq:([^\n]*)/.exec(message)?.[1] ?? message.split('\n')[0]!
  return new GoogleError('INVALID_ARGUMENT', `Error while reading data, error message: ${text}`, {
    reason: 'invalid',
    cause: error,
  })
}

const DECIMAL_TARGETS = ['NUMERIC', 'BIGNUMERIC', 'STRING'] as const

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#parquetoptions */
function planOptions(load: Body): PlanOptions {
  const options = (load['parquetOptions'] ?? {}) as Body
  const targets = (load['decimalTargetTypes'] ?? []) as unknown[]
  for (const target of targets) {
    if (!DECIMAL_TARGETS.some((known) => known === target))
      throw new GoogleError('INVALID_ARGUMENT', `Invalid value for decimalTargetTypes: ${String(target)}`, {
        reason: 'invalid',
      })
  }
  const characters = load['columnNameCharacterMap'] ?? 'STRICT'
  if (characters === 'V2') throw notEmulated('columnNameCharacterMap V2')
  return {
    enableListInference: options['enableListInference'] === true,
    enumAsString: options['enumAsString'] === true,
    mapsAreArrays: options['mapTargetType'] === 'ARRAY_OF_STRUCT',
    decimalTargetTypes: targets.length > 0 ? (targets as ParquetOptions['decimalTargetTypes']) : ['NUMERIC'],
    namesAreChanged: characters === 'V1',
  }
}
