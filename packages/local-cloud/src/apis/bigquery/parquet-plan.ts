import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { columnName } from './load-csv.ts'
import { listShape, mapEntries, type ParquetNode } from './parquet-schema.ts'
import { columnTypes, type ParquetOptions } from './parquet-types.ts'
import { quote } from './sql/analysis.ts'
import { duckType } from './sql/types.ts'
import { fieldType, type Field } from './table-schema.ts'
import type { ScalarType } from './values-in.ts'

/** A column of the table, and the SQL of its value, given the SQL of DuckDB's value. */
export interface ColumnPlan {
  field: Field
  sql: (value: string, depth: number) => string
}

export interface PlanOptions extends ParquetOptions {
  /** Whether names that no column can have are changed, as columnNameCharacterMap V1 does. */
  namesAreChanged: boolean
}

/**
 * Plans how a node of a Parquet file becomes a column: groups become STRUCTs, repeated nodes arrays
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#parquet_conversions).
 *
 * @param wanted the field of an explicit schema
 */
export function planColumn(node: ParquetNode, options: PlanOptions, wanted?: Field): ColumnPlan {
  const name = wanted?.name ?? (options.namesAreChanged ? columnName(node.name, 0) : node.name)
  if (node.repetition === 'REPEATED') return planArray(name, node, node, options, wanted)
  if (node.type === undefined && node.logical === 'LIST') return planList(name, node, options, wanted)
  if (isMap(node)) return planMap(name, node, options, wanted)
  return planOne(name, node, options, wanted)
}

function isMap({ type, logical }: ParquetNode): boolean {
  return type === undefined && (logical === 'MAP' || logical === 'MAP_KEY_VALUE')
}

function planList(name: string, node: ParquetNode, options: PlanOptions, wanted: Field | undefined): ColumnPlan {
  const { wrapper, element } = listShape(node)
  if (options.enableListInference) {
    const isList = element.logical === 'LIST' && element.type === undefined
    if (isList) throw invalid(`Column ${node.path} is a list of lists, which BigQuery has no type for.`)
    return planArray(name, node, element, options, wanted)
  }
  const inner = wrapper
    ? planStruct(wrapper.name, [element], wrapper, options)
    : planOne(element.name, element, options)
  const list = { ...inner.field, mode: 'REPEATED' as const }
  const field = checkedGroup(node, { name, type: 'RECORD', mode: modeOf(node), fields: [list] }, wanted)
  const transform = (value: string, depth: number): string => {
    const item = `e${depth}`
    // DuckDB's list holds the elements alone.
    const one = wrapper
      ? `struct_pack(f0 := ${planColumn(element, options).sql(item, depth + 1)})`
      : inner.sql(item, depth + 1)
    return `list_transform(${value}, lambda ${item}: ${one})`
  }
  return {
    field,
    sql: (value, depth) => `CASE WHEN ${value} IS NOT NULL THEN struct_pack(f0 := ${transform(value, depth)}) END`,
  }
}

function planMap(name: string, node: ParquetNode, options: PlanOptions, wanted: Field | undefined): ColumnPlan {
  const entries = mapEntries(node)
  const [key, value] = entries.children.map((child) => planColumn(child, options)) as [ColumnPlan, ColumnPlan]
  const pack = (map: string, depth: number): string => {
    const item = `e${depth}`
    const [first, second] = ['key', 'value'].map((part) => `struct_extract(${item}, '${part}')`) as [string, string]
    return `list_transform(map_entries(${map}), lambda ${item}: struct_pack(f0 := ${key.sql(first, depth + 1)}, f1 := ${value.sql(second, depth + 1)}))`
  }
  const fields = [key.field, value.field]
  if (options.mapsAreArrays) {
    const field = checkedGroup(node, { name, type: 'RECORD', mode: 'REPEATED', fields }, wanted)
    return { field, sql: (map, depth) => `coalesce(${pack(map, depth)}, ${emptyArray(field)})` }
  }
  const list: Field = { name: entries.name, type: 'RECORD', mode: 'REPEATED', fields }
  const field = checkedGroup(node, { name, type: 'RECORD', mode: modeOf(node), fields: [list] }, wanted)
  return { field, sql: (map, depth) => `CASE WHEN ${map} IS NOT NULL THEN struct_pack(f0 := ${pack(map, depth)}) END` }
}

/** An array of a node's values; a missing one is empty. */
function planArray(
  name: string,
  node: ParquetNode,
  element: ParquetNode,
  options: PlanOptions,
  wanted: Field | undefined,
): ColumnPlan {
  if (wanted && wanted.mode !== 'REPEATED') throw mismatch(node, wanted)
  const one =
    element !== node && isMap(element)
      ? planMap(name, element, options, undefined)
      : planOne(name, element, options, wanted)
  if (one.field.mode === 'REPEATED')
    throw invalid(`Column ${node.path} is a list of maps, which BigQuery has no type for.`)
  const field: Field = { ...one.field, mode: 'REPEATED' }
  return {
    field,
    sql: (value, depth) =>
      `coalesce(list_transform(${value}, lambda e${depth}: ${one.sql(`e${depth}`, depth + 1)}), ${emptyArray(field)})`,
  }
}

function planOne(name: string, node: ParquetNode, options: PlanOptions, wanted?: Field): ColumnPlan {
  return node.type === undefined
    ? planStruct(name, node.children, node, options, wanted)
    : planScalar(name, node, options, wanted)
}

function planStruct(
  name: string,
  children: readonly ParquetNode[],
  node: ParquetNode,
  options: PlanOptions,
  wanted?: Field,
): ColumnPlan {
  if (wanted && wanted.type !== 'RECORD') throw mismatch(node, wanted)
  if (children.length === 0) throw invalid(`Field ${node.path} is type RECORD but has no schema.`)
  const byName = new Map(children.map((child) => [child.name.toLowerCase(), child]))
  const plans = wanted?.fields
    ? wanted.fields.map((field) => ({ field, child: byName.get(field.name.toLowerCase()) }))
    : children.map((child) => ({ field: undefined, child }))
  const inner = plans.map(({ field, child }) =>
    child ? { child, plan: planColumn(child, options, field) } : { child, plan: absent(field!) },
  )
  const field: Field = { name, type: 'RECORD', mode: modeOf(node), fields: inner.map(({ plan }) => plan.field) }
  const sql = (value: string, depth: number): string => {
    const parts = inner.map(
      ({ child, plan }, index) =>
        `f${index} := ${plan.sql(child ? `struct_extract(${value}, ${quote(child.name)})` : 'NULL', depth)}`,
    )
    return `CASE WHEN ${value} IS NOT NULL THEN struct_pack(${parts.join(', ')}) END`
  }
  return { field, sql }
}

/** A column of an explicit schema that the file lacks. */
export function absent(field: Field): ColumnPlan {
  const empty = field.mode === 'REPEATED' ? emptyArray(field) : `CAST(NULL AS ${duckType(fieldType(field))})`
  return { field, sql: () => empty }
}

function planScalar(name: string, node: ParquetNode, options: PlanOptions, wanted?: Field): ColumnPlan {
  const types = columnTypes(node, options)
  if (wanted?.type === 'GEOGRAPHY' && !types.includes('GEOGRAPHY'))
    throw notEmulated(`GEOGRAPHY from a Parquet column that is none in GeoParquet's metadata (column ${node.path})`)
  if (wanted && !types.includes(wanted.type as ScalarType)) throw mismatch(node, wanted)
  const type = (wanted?.type ?? types[0]!) as ScalarType
  const field: Field = { name, type, mode: wanted?.mode === 'REQUIRED' ? 'REQUIRED' : modeOf(node) }
  return { field, sql: (value) => scalarSql(value, node, type) }
}

function scalarSql(value: string, node: ParquetNode, type: ScalarType): string {
  const target = duckType(fieldType({ name: '', type, mode: 'NULLABLE' }))
  const isDecimal = node.logical === 'DECIMAL'
  switch (type) {
    case 'BIGNUMERIC':
      return decimalText(value)
    case 'STRING':
      return isDecimal ? decimalText(value) : `CAST(${value} AS VARCHAR)`
    case 'GEOGRAPHY': {
      const text = `ST_AsText(${value})`
      const problem = quote(`bq:${notEmulated(`a shape other than a point (column ${node.path})`).message}`)
      return `CASE WHEN ${text} NOT LIKE 'POINT (%' THEN error(${problem}) ELSE replace(${text}, 'POINT (', 'POINT(') END`
    }
    case 'BYTES':
      if (node.logical === 'GEOPARQUET') return `ST_AsWKB(${value})`
      return `CASE typeof(${value}) WHEN 'BLOB' THEN CAST(${value} AS BLOB) ELSE encode(CAST(${value} AS VARCHAR)) END`
    case 'NUMERIC': {
      const rounded = `TRY_CAST(${value} AS ${target})`
      const problem = quote(`bq:Column ${node.path} has a value that NUMERIC cannot hold`)
      return `CASE WHEN ${value} IS NOT NULL AND ${rounded} IS DISTINCT FROM ${value} THEN error(${problem}) ELSE ${rounded} END`
    }
    case 'TIMESTAMP':
    case 'DATETIME': {
      // Years that BigQuery does not have: googleapis/python-bigquery#61.
      const problem = quote(`bq:Invalid timestamp value for field '${node.path}' of type '${node.type}'`)
      const time = `CAST(${value} AS TIMESTAMP)`
      return `CASE WHEN year(${time}) NOT BETWEEN 1 AND 9999 THEN error(${problem}) ELSE ${time} END`
    }
    default:
      return `CAST(${value} AS ${target})`
  }
}

/** BigQuery's text of a decimal: no zeros at the end of a fraction. */
function decimalText(value: string): string {
  const text = `CAST(${value} AS VARCHAR)`
  return `CASE WHEN contains(${text}, '.') THEN rtrim(rtrim(${text}, '0'), '.') ELSE ${text} END`
}

function emptyArray(field: Field): string {
  return `CAST([] AS ${duckType(fieldType(field))})`
}

function modeOf(node: ParquetNode): 'REQUIRED' | 'NULLABLE' {
  return node.repetition === 'REQUIRED' ? 'REQUIRED' : 'NULLABLE'
}

/** A group that an explicit schema names must have its very fields. */
function checkedGroup(node: ParquetNode, field: Field, wanted: Field | undefined): Field {
  if (wanted && duckType(fieldType(wanted)) !== duckType(fieldType(field))) throw mismatch(node, wanted)
  return field
}

const CPP_TYPES: Partial<Record<Field['type'], string>> = { INTEGER: 'INT64', FLOAT: 'DOUBLE', BOOLEAN: 'BOOL' }

/** DataTalksClub/data-engineering-zoomcamp's notes and broadinstitute/depmap_omics#152 have the message. */
function mismatch({ path, type }: ParquetNode, wanted: Field): GoogleError {
  const target = CPP_TYPES[wanted.type] ?? wanted.type
  return invalid(
    `Parquet column '${path}' has type ${type ?? 'GROUP'} which does not match the target cpp_type ${target}.`,
  )
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', `Error while reading data, error message: ${message}`, {
    reason: 'invalid',
  })
}
