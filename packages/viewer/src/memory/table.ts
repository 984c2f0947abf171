import type { Value, ViewedColumn } from '../contract/columns.ts'
import { columnStore, NO_VALUE, type ColumnStore } from './column-store.ts'
import type { CarriedRow } from './rows.ts'
import { compareText, lowerText } from './text.ts'

/** The rows of a run in memory, in the order of their units' IDs. */
export interface MemoryTable {
  rows: readonly CarriedRow[]
  columns: ReadonlyMap<string, ColumnStore>
  /** By row, in degrees; NaN without a location. */
  longitudes: Float64Array
  latitudes: Float64Array
  /** Row numbers by unit ID. */
  units: ReadonlyMap<string, number>
  /** Returns all row numbers in the order of a column, then of the unit ID. Rows without a value come last. */
  sorted(sort: { column: string; descending: boolean }): Int32Array
  /** Returns a row's asset ID and unit ID in lower case. */
  loweredIds(): readonly string[]
}

/**
 * @param valuesOf returns the values of a column, one per row, in the order of the rows given
 */
export function memoryTable(
  columns: readonly ViewedColumn[],
  given: readonly CarriedRow[],
  valuesOf: (name: string) => readonly Value[] = (name) => given.map(({ values }) => values[name] ?? null),
): MemoryTable {
  const order = orderById(given)
  const rows = order ? order.map((place) => given[place]!) : given
  const inOrder = (values: readonly Value[]): readonly Value[] =>
    order ? order.map((place) => values[place] ?? null) : values
  const stores = new Map(columns.map((column) => [column.name, columnStore(column, inOrder(valuesOf(column.name)))]))
  const orders = new Map<string, Int32Array>()
  let lowered: string[] | undefined
  return {
    rows,
    columns: stores,
    longitudes: Float64Array.from(rows, ({ location }) => location?.longitude ?? Number.NaN),
    latitudes: Float64Array.from(rows, ({ location }) => location?.latitude ?? Number.NaN),
    units: new Map(rows.map(({ unit_id: id }, row) => [id, row])),
    sorted({ column, descending }) {
      const key = JSON.stringify([column, descending])
      const known = orders.get(key)
      if (known) return known
      const order = orderBy(columnNamed(stores, column), descending)
      orders.set(key, order)
      return order
    },
    loweredIds: () =>
      (lowered ??= rows.map(({ unit_id: unit, asset_id: asset }) => lowerText(`${unit}\n${asset ?? ''}`))),
  }
}

/** Returns the places of rows in the order of their units' IDs; undefined if that is the order they have, as in a report. */
function orderById(rows: readonly CarriedRow[]): number[] | undefined {
  const isOrdered = rows.every(
    ({ unit_id: id }, place) => place === 0 || compareText(rows[place - 1]!.unit_id, id) <= 0,
  )
  if (isOrdered) return undefined
  return [...rows.keys()].toSorted((a, b) => compareText(rows[a]!.unit_id, rows[b]!.unit_id))
}

/** @throws RangeError for a column that the run does not have */
export function columnNamed(columns: ReadonlyMap<string, ColumnStore>, name: string): ColumnStore {
  const store = columns.get(name)
  if (!store) throw new RangeError(`The run has no column ${name}`)
  return store
}

/** A counting sort by rank, which keeps rows of equal value in their order. */
function orderBy(store: ColumnStore, descending: boolean): Int32Array {
  const { codes } = store
  const { ranks } = store.order()
  const last = ranks.length
  const placeOf = (code: number): number =>
    code === NO_VALUE ? last : descending ? last - 1 - ranks[code]! : ranks[code]!
  const starts = new Int32Array(last + 2)
  for (const code of codes) starts[placeOf(code) + 1]! += 1
  for (let place = 1; place < starts.length; place += 1) starts[place]! += starts[place - 1]!
  const order = new Int32Array(codes.length)
  for (const [row, code] of codes.entries()) {
    const place = placeOf(code)
    order[starts[place]!] = row
    starts[place]! += 1
  }
  return order
}
