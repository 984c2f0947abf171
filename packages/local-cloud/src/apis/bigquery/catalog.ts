import { tableKey, type TableRecord, type TableReference } from './records.ts'
import { ingestionColumns } from './ingestion.ts'
import { partitionColumn, requiredFilter } from './partitioning.ts'
import { fieldType } from './table-schema.ts'
import type { Catalog, CatalogTable } from './sql/analysis.ts'
import { SqlFailure, unsupported } from './sql/failure.ts'
import { dataset, findTable, type Warehouse } from './warehouse.ts'
import { matchedTables, wildcardTable } from './wildcard.ts'
import { GoogleError } from '../../kernel/errors.ts'

export interface CatalogOptions {
  project: string
  defaultDataset?: { projectId?: string; datasetId: string } | undefined
  /** The job's location; tables elsewhere are "not found". Undefined until the first table decides. */
  location: string | undefined
}

/** The stored tables as the translator sees them. `location` is that of the tables met. */
export class StoredCatalog implements Catalog {
  readonly #warehouse: Warehouse
  readonly #options: CatalogOptions
  readonly referenced = new Map<string, TableReference>()
  location: string | undefined
  /** The external tables met, and the table of rows that each is read into before the statement runs. */
  readonly external: { record: TableRecord; physical: string }[] = []
  /** The table that the statement writes. */
  written: TableReference | undefined

  constructor(warehouse: Warehouse, options: CatalogOptions) {
    this.#warehouse = warehouse
    this.#options = options
    this.location = options.location
  }

  target(path: readonly string[], at: number): CatalogTable & { kind: 'table' } {
    const others = new Map(this.referenced)
    if (path.at(-1)!.endsWith('*')) throw unsupported('a statement that writes a wildcard table', at)
    const table = this.table(path, at)
    this.referenced.clear()
    for (const [key, reference] of others) this.referenced.set(key, reference)
    if (table.kind === 'view')
      throw new SqlFailure(`${table.key} is not allowed for this operation because it is currently a VIEW.`)
    this.written = this.#reference(path, at)
    return table
  }

  table(path: readonly string[], at: number): CatalogTable {
    const { projectId, datasetId, tableId } = this.#reference(path, at)
    const isWildcard = tableId.endsWith('*')
    const owner = this.#dataset(projectId, datasetId)
    // The first table met decides where the job runs; every other table must be there too.
    this.location ??= owner?.location
    const key = tableKey(projectId, datasetId, tableId)
    const where = this.location ?? 'US'
    if (!owner || owner.location !== where) {
      throw new SqlFailure(
        `Not found: Dataset ${projectId}:${datasetId} was not found in location ${where}`,
        undefined,
        'notFound',
      )
    }
    if (isWildcard) {
      const tables = matchedTables(this.#warehouse, projectId, datasetId, tableId)
      for (const { table } of tables)
        this.referenced.set(tableKey(projectId, datasetId, table), { projectId, datasetId, tableId: table })
      return wildcardTable(key, tables, at)
    }
    const record = findTable(this.#warehouse, projectId, datasetId, tableId)
    if (!record)
      throw new SqlFailure(`Not found: Table ${key} was not found in location ${where}`, undefined, 'notFound')
    this.referenced.set(key, { projectId, datasetId, tableId })
    if (record.view) return { kind: 'view', key, query: record.view.query }
    const columns = record.fields.map((field) => ({ name: field.name, type: fieldType(field) }))
    if (columns.length === 0) throw new SqlFailure(`Table ${key} does not have a schema.`, at)
    const partitionedBy = partitionColumn(record)
    const relation = `data.${record.external ? this.#read(record) : record.physical}`
    const required = requiredFilter(record)
    return {
      kind: 'table',
      key,
      relation,
      columns,
      pseudocolumns: ingestionColumns(record, this.#warehouse.buffers.of(record.id)?.rows ?? 0),
      ...(partitionedBy === undefined ? {} : { partitionedBy }),
      ...(required && { required }),
    }
  }

  #read(record: TableRecord): string {
    const physical = this.#warehouse.store.newPhysical()
    this.external.push({ record, physical })
    return physical
  }

  #reference(path: readonly string[], at: number): TableReference {
    if (path.some((part) => part.toUpperCase() === 'INFORMATION_SCHEMA')) throw unsupported('INFORMATION_SCHEMA', at)
    if (path.at(-1)!.includes('$')) throw unsupported('a partition decorator', at)
    if (path.length > 3) throw new SqlFailure(`Syntax error: Invalid table name: ${path.join('.')}`, at)
    const [tableId, datasetId, projectId] = path.toReversed() as [string, string | undefined, string | undefined]
    if (datasetId !== undefined) return { projectId: projectId ?? this.#options.project, datasetId, tableId }
    const { defaultDataset } = this.#options
    if (!defaultDataset) {
      throw new SqlFailure(
        `Table "${tableId}" must be qualified with a dataset (e.g. dataset.table).`,
        undefined,
        'invalid',
      )
    }
    return {
      projectId: defaultDataset.projectId ?? this.#options.project,
      datasetId: defaultDataset.datasetId,
      tableId,
    }
  }

  #dataset(project: string, name: string): ReturnType<typeof dataset> | undefined {
    try {
      return dataset(this.#warehouse, project, name)
    } catch (error) {
      if (error instanceof GoogleError) return undefined
      throw error
    }
  }
}
