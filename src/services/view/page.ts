import type { DuckDBConnection } from '@duckdb/node-api'
import type { Page, PageRequest, PageRow } from '@imagery/viewer/contract/source'
import type { About } from './about.ts'
import { rowsOf } from './database.ts'
import { columnOf } from './filter-sql.ts'
import type { Kept } from './kept-rows.ts'
import { axisName, codeName, shownValue, valueName } from './stored-columns.ts'

/** Rows of the local table are numbered in the order of their units' IDs. */
export async function keptPage(
  connection: DuckDBConnection,
  kept: Kept,
  about: About,
  { sort, offset, limit }: Omit<PageRequest, 'filter'>,
): Promise<Page> {
  const { table, condition, parameters } = kept
  const [[total] = []] = await rowsOf(connection, `SELECT count(*) FROM ${table} WHERE ${condition}`, parameters)
  const order = sort === null ? undefined : sortedBy(about, sort.column)
  const from = order === undefined || !order.isValue || kept.isWhole ? table : `${table} JOIN rows USING (n)`
  const by = order === undefined ? '' : `${order.name} ${sort?.descending ? 'DESC' : 'ASC'} NULLS LAST, `
  const found = await rowsOf(connection, `SELECT n FROM ${from} WHERE ${condition} ORDER BY ${by}n LIMIT ? OFFSET ?`, [
    ...parameters,
    BigInt(limit),
    BigInt(offset),
  ])
  const rows = await numberedRows(
    connection,
    about,
    found.map(([n]) => Number(n)),
  )
  return { total: Number(total), rows }
}

/** Returns the rows after a number that a filter keeps, in the order of their units' IDs, with the number of the last one. */
export async function rowsAfter(
  connection: DuckDBConnection,
  { table, condition, parameters }: Kept,
  about: About,
  { after, limit }: { after: number; limit: number },
): Promise<{ last: number; rows: PageRow[] }> {
  const found = await rowsOf(connection, `SELECT n FROM ${table} WHERE (${condition}) AND n > ? ORDER BY n LIMIT ?`, [
    ...parameters,
    after,
    BigInt(limit),
  ])
  const numbers = found.map(([n]) => Number(n))
  return { last: numbers.at(-1) ?? after, rows: await numberedRows(connection, about, numbers) }
}

/** What a column is sorted by: codes of text are in its order, but those of an enum are in the profile's. */
function sortedBy(about: About, name: string): { name: string; isValue: boolean } {
  const column = columnOf(about, name)
  if (column.column.kind === 'time' || (column.hasAxis && column.storage === 'VARCHAR'))
    return { name: axisName(column), isValue: false }
  const isCoded = column.coding.by === 'value' && column.column.kind === 'text'
  return isCoded ? { name: codeName(column), isValue: false } : { name: valueName(column), isValue: true }
}

/** Returns rows by their numbers, in that order. */
async function numberedRows(
  connection: DuckDBConnection,
  about: About,
  numbers: readonly number[],
): Promise<PageRow[]> {
  if (numbers.length === 0) return []
  const found = await rowsOf(
    connection,
    `SELECT n, unit_id, images, ${about.columns.map(valueName).join(', ')} FROM rows
WHERE n BETWEEN ? AND ? AND n IN (${numbers.map(() => '?').join(', ')})`,
    [Math.min(...numbers), Math.max(...numbers), ...numbers],
  )
  const rows = new Map(found.map(([n, ...values]) => [Number(n), pageRow(about, values)]))
  return numbers.map((n) => rows.get(n)!)
}

function pageRow({ columns }: About, [unitId, images, ...stored]: unknown[]): PageRow {
  const values = {
    unit_id: unitId as string,
    ...Object.fromEntries(
      columns.map(({ column, storage }, index) => [column.name, shownValue(stored[index], storage)]),
    ),
  }
  return {
    unit_id: unitId as string,
    asset_id: textOrNull(values, 'asset_id'),
    status: textOrNull(values, 'status') ?? 'ok',
    values,
    images: Number(images),
  }
}

function textOrNull(values: Record<string, unknown>, name: string): string | null {
  return typeof values[name] === 'string' ? values[name] : null
}
