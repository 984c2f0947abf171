import { exactJson, ExactNumber } from './exact-json.ts'
import { jsonPath } from './nested-columns.ts'
import { jqCommand, notedForDigits, type JsonAdvice } from './other-json.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Deeper lists are rarely the rows. */
const MOST_LEVELS = 4

/**
 * Recognizes a whole table in the only object of a file, as pandas and programs for annotations write it: a column, a
 * row or all rows in each member. Read as one row, it would lose all others.
 *
 * @param isColumn whether a name is one that a run uses
 * @returns undefined for an object that can be a row
 */
export function tableInObject(
  row: JsonObject,
  { file, isColumn }: { file: string; isColumn: (name: string) => boolean },
): JsonAdvice | undefined {
  const found = splitTable(row) ?? columnsOfObjects(row, isColumn) ?? columnsOfLists(row) ?? keyedRows(row)
  return found && { what: found.what, command: notedForDigits(jqCommand(found.filter, file), exactJson(row)) }
}

interface Found {
  what: string
  filter: string
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** pandas, orient=split. */
function splitTable({ columns, data }: JsonObject): Found | undefined {
  if (!isList(columns) || !isList(data) || !data.every(isList) || data.some((row) => row.length !== columns.length))
    return undefined
  return {
    what: 'it is one object with the names of the columns in one list and the rows in another',
    filter: '. as $table | .data[] | [$table.columns, .] | transpose | map({(.[0] | tostring): .[1]}) | add',
  }
}

/** pandas, orient=columns, which is its default: each column is an object with a member per row. */
function columnsOfObjects(row: JsonObject, isColumn: (name: string) => boolean): Found | undefined {
  const columns = Object.entries(row)
  if (!haveSameMembers(columns.map(([, value]) => value))) return undefined
  const labels = Object.keys(columns[0]![1] as JsonObject)
  const isOfColumns =
    columns.some(([name]) => isColumn(name)) || labels.every((label, index) => label === String(index))
  if (!isOfColumns || labels.some(isColumn)) return undefined
  return {
    what: 'it is one object with the columns of all rows in its members',
    filter: '. as $table | (.[keys_unsorted[0]] | keys_unsorted[]) as $row | $table | map_values(.[$row])',
  }
}

/** Each column is a list with an item per row. */
function columnsOfLists(row: JsonObject): Found | undefined {
  const lists = Object.values(row)
  const [first] = lists
  const isTable =
    lists.length > 1 &&
    lists.every((list) => isList(list) && list.length === (first as unknown[]).length && !list.some(isNested))
  if (!isTable || (first as unknown[]).length === 0) return undefined
  return {
    what: 'it is one object with the columns of all rows in its lists',
    filter: '. as $table | range(.[keys_unsorted[0]] | length) as $row | $table | map_values(.[$row])',
  }
}

const isNested = (value: unknown): boolean => isList(value) || isObject(value)

/** Each row is a member, and its key can be the name of an image. */
function keyedRows(row: JsonObject): Found | undefined {
  const rows = Object.values(row)
  if (rows.length < 2 || !rows.every(isObject)) return undefined
  const shared = Object.keys(rows[0]!).filter((name) => rows.every((each) => Object.hasOwn(each as object, name)))
  if (shared.length === 0) return undefined
  return { what: 'it is one object with a row in each of its members', filter: 'to_entries[] | {key} + .value' }
}

/**
 * Returns the command for the longest list of objects inside an object's members, which can be the rows of a file. Those of
 * the object itself are columns, which the error for missing ones shows.
 */
export function innerRows(row: JsonObject, file: string): string | undefined {
  const [longest] = listsOf(row, []).toSorted(
    (one, other) => other.length - one.length || one.path.length - other.path.length,
  )
  if (!longest || longest.path.length < 2) return undefined
  return `${jqCommand(`${jsonPath(longest.path)}[]`, file)}   (if the rows are in that list)`
}

function listsOf(object: JsonObject, path: readonly string[]): { path: readonly string[]; length: number }[] {
  if (path.length >= MOST_LEVELS) return []
  return Object.entries(object).flatMap(([name, value]) => {
    const below = [...path, name]
    if (isObject(value)) return listsOf(value, below)
    return isList(value) && value.length > 0 && value.every(isObject) ? [{ path: below, length: value.length }] : []
  })
}

function haveSameMembers(values: readonly unknown[]): boolean {
  const [first, ...others] = values
  if (!isObject(first) || Object.keys(first).length === 0) return false
  const names = Object.keys(first).join('\0')
  return others.every((value) => isObject(value) && Object.keys(value).join('\0') === names)
}
