import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBDecimalType, DuckDBListType, DuckDBStructType, DuckDBTypeId, type DuckDBType } from '@duckdb/node-api'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { RunningJob } from './running-job.ts'
import { checkFields, fieldOf, fieldType, type Field } from './table-schema.ts'
import { quote } from './sql/analysis.ts'
import { duckType, type ScalarName, type SqlType } from './sql/types.ts'
import type { Warehouse } from './warehouse.ts'

/** Parquet's types as DuckDB reads them: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions */
const TYPES: Partial<Record<DuckDBTypeId, ScalarName>> = {
  [DuckDBTypeId.BOOLEAN]: 'BOOL',
  [DuckDBTypeId.TINYINT]: 'INT64',
  [DuckDBTypeId.SMALLINT]: 'INT64',
  [DuckDBTypeId.INTEGER]: 'INT64',
  [DuckDBTypeId.BIGINT]: 'INT64',
  [DuckDBTypeId.UTINYINT]: 'INT64',
  [DuckDBTypeId.USMALLINT]: 'INT64',
  [DuckDBTypeId.UINTEGER]: 'INT64',
  [DuckDBTypeId.FLOAT]: 'FLOAT64',
  [DuckDBTypeId.DOUBLE]: 'FLOAT64',
  [DuckDBTypeId.VARCHAR]: 'STRING',
  [DuckDBTypeId.BLOB]: 'BYTES',
  [DuckDBTypeId.DATE]: 'DATE',
  [DuckDBTypeId.TIME]: 'TIME',
  [DuckDBTypeId.TIMESTAMP]: 'TIMESTAMP',
  [DuckDBTypeId.TIMESTAMP_MS]: 'TIMESTAMP',
  [DuckDBTypeId.TIMESTAMP_TZ]: 'TIMESTAMP',
}

interface ParquetOptions {
  running: RunningJob
  fields: Field[] | undefined
  listInference: boolean
}

/** A file that is no Parquet is the caller's fault: https://cloud.google.com/bigquery/docs/error-messages (`invalid`). */
function unreadable(error: unknown): unknown {
  if (!(error instanceof Error) || !error.message.startsWith('Invalid Input Error')) return error
  const text = 'Error while reading data, error message: Input file is not in Parquet format.'
  return new GoogleError('INVALID_ARGUMENT', text, { reason: 'invalid', cause: error })
}

/** Reads Parquet files into a table of rows; columns meet the schema by name. */
export async function loadParquet(
  { store }: Warehouse,
  files: readonly Buffer[],
  physical: string,
  options: ParquetOptions,
): Promise<{ fields: Field[]; rows: number; bad: number }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'imagery-parquet-'))
  try {
    const paths = await Promise.all(
      files.map(async (file, index) => {
        const name = path.join(directory, `${index}.parquet`)
        await writeFile(name, file)
        return name
      }),
    )
    const from = `read_parquet([${paths.map(quote).join(', ')}])`
    return await store.read(async (connection) => {
      const described = await connection
        .run(`SELECT * FROM ${from} LIMIT 0`)
        .catch((error: unknown) => Promise.reject(unreadable(error)))
      const columns = described.columnNames().map((name, index) => ({
        name,
        duck: described.columnType(index),
        type: sqlType(described.columnType(index), name, options),
      }))
      const fields = options.fields ?? columns.map(({ name, type }) => fieldOf(name, type))
      checkFields(fields)
      const byName = new Map(columns.toReversed().map((column) => [column.name.toLowerCase(), column]))
      const list = fields.map((field, index) => {
        const column = byName.get(field.name.toLowerCase())
        const wanted = fieldType(field)
        if (!column) return `CAST(${wanted.kind === 'ARRAY' ? '[]' : 'NULL'} AS ${duckType(wanted)}) AS c${index}`
        if (duckType(column.type) !== duckType(wanted))
          throw new GoogleError(
            'INVALID_ARGUMENT',
            `Parquet column '${column.name}' has type ${column.duck.toString()} which does not match the target type ${field.type}.`,
            { reason: 'invalid' },
          )
        return `${converted(`"${column.name.replaceAll('"', '""')}"`, column.duck, wanted, 0)} AS c${index}`
      })
      const create = `CREATE TABLE data.${physical} AS SELECT ${list.join(', ')} FROM ${from}`
      await options.running.statements(connection, () => connection.run(create))
      const rows = await (await connection.run(`SELECT count(*) FROM data.${physical}`)).getRows()
      return { fields, rows: Number(rows[0]![0]), bad: 0 }
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function sqlType(type: DuckDBType, name: string, options: ParquetOptions): SqlType {
  if (type instanceof DuckDBListType) {
    if (!options.listInference)
      throw notEmulated(`a Parquet list without parquetOptions.enableListInference (column ${name})`)
    return { kind: 'ARRAY', element: sqlType(type.valueType, name, options) }
  }
  if (type instanceof DuckDBStructType) {
    return {
      kind: 'STRUCT',
      fields: type.entryNames.map((entry, index) => ({
        name: entry,
        type: sqlType(type.entryTypes[index]!, `${name}.${entry}`, options),
      })),
    }
  }
  if (type instanceof DuckDBDecimalType && type.scale <= 9 && type.width - type.scale <= 29) return { kind: 'NUMERIC' }
  const kind = TYPES[type.typeId]
  if (!kind) throw notEmulated(`the Parquet type ${type.toString()} (column ${name})`)
  return { kind }
}

/** A Parquet value in the form our tables keep. */
function converted(sql: string, duck: DuckDBType, type: SqlType, depth: number): string {
  if (type.kind === 'ARRAY' && duck instanceof DuckDBListType) {
    const item = `e${depth}`
    return `coalesce(list_transform(${sql}, lambda ${item}: ${converted(item, duck.valueType, type.element, depth + 1)}), CAST([] AS ${duckType(type)}))`
  }
  if (type.kind === 'STRUCT' && duck instanceof DuckDBStructType) {
    const fields = type.fields.map(
      (field, index) =>
        `f${index} := ${converted(`struct_extract(${sql}, ${quote(duck.entryNames[index]!)})`, duck.entryTypes[index]!, field.type, depth)}`,
    )
    return `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${fields.join(', ')}) END`
  }
  return `CAST(${sql} AS ${duckType(type)})`
}
