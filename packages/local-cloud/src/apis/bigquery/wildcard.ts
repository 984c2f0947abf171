import type { Pseudocolumn } from './ingestion.ts'
import { tableKey, type TableRecord } from './records.ts'
import type { CatalogTable } from './sql/analysis.ts'
import { quote } from './sql/analysis.ts'
import { SqlFailure, unsupported } from './sql/failure.ts'
import { duckType, STRING, typeName } from './sql/types.ts'
import { fieldType, type Field } from './table-schema.ts'
import { tablesOf, type Warehouse } from './warehouse.ts'

/** The tables that a name with a wildcard stands for, oldest first. */
export function matchedTables(warehouse: Warehouse, project: string, dataset: string, name: string): TableRecord[] {
  const prefix = name.slice(0, -1)
  return tablesOf(warehouse, project, dataset)
    .filter(({ table }) => table.startsWith(prefix))
    .toSorted((one, other) => one.createdMs - other.createdMs)
}

/**
 * Tables as one, with the columns of the newest of them (https://cloud.google.com/bigquery/docs/querying-wildcard-tables).
 * The words of the refusals are on that page; those of types, in trinodb/trino#26990.
 */
export function wildcardTable(
  name: string,
  tables: readonly TableRecord[],
  at: number,
): CatalogTable & { kind: 'table' } {
  const newest = tables.at(-1)
  if (!newest) throw new SqlFailure(`${name} does not match any table.`)
  const view = tables.find(({ kind }) => kind === 'VIEW')
  if (view) throw new SqlFailure(`Views cannot be queried through prefix. First view ${keyOf(view)}.`)
  const external = tables.find(({ kind }) => kind === 'EXTERNAL')
  if (external)
    throw new SqlFailure(`External tables cannot be queried through prefix. First table ${keyOf(external)}.`)
  if (tables.some(({ timePartitioning, rangePartitioning }) => timePartitioning ?? rangePartitioning))
    throw unsupported('a wildcard table over partitioned tables', at)
  const columns = newest.fields.map((field) => ({ name: field.name, type: fieldType(field) }))
  const places = tables.map(({ fields }) => newest.fields.map((field) => placeOf(field, fields)))
  const start = name.length - 1 - name.lastIndexOf('.') - 1
  const parts = tables.map(({ physical, table }, index) => {
    const list = columns.map(({ type }, column) => {
      const place = places[index]![column]
      const value = place === undefined ? (type.kind === 'ARRAY' ? '[]' : 'NULL') : `c${place}`
      return `CAST(${value} AS ${duckType(type)}) AS c${column}`
    })
    return `SELECT ${[...list, `${quote(table.slice(start))} AS suffix`].join(', ')} FROM data.${physical}`
  })
  const suffix: Pseudocolumn = { name: '_TABLE_SUFFIX', type: STRING, sql: (alias) => `${alias}.suffix` }
  return {
    kind: 'table',
    key: name,
    relation: `(${parts.join(' UNION ALL ')})`,
    columns,
    pseudocolumns: [suffix],
    parts: tables.map((table, index) => ({ key: keyOf(table), places: places[index]! })),
  }
}

/** Where a table has a column; undefined if it lacks it. */
function placeOf(field: Field, fields: readonly Field[]): number | undefined {
  const place = fields.findIndex(({ name }) => name.toLowerCase() === field.name.toLowerCase())
  const found = fields[place]
  if (!found) return undefined
  const [type, wanted] = [fieldType(found), fieldType(field)]
  if (typeName(type) !== typeName(wanted))
    throw new SqlFailure(`Cannot read field of type ${typeName(type)} as ${typeName(wanted)}`)
  return place
}

const keyOf = ({ project, dataset, table }: TableRecord): string => tableKey(project, dataset, table)
