import { axisNumber } from '@imagery/viewer/contract/axis'
import type { Value, ViewedColumn } from '@imagery/viewer/contract/columns'

/** How DuckDB stores a column's values. Every type but these is JSON text, which keeps any value. */
export type Storage = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'JSON'

/**
 * A column of the results in the local table. Its parts have numbered names, so that no name of a user reaches a
 * statement: `v0` the value, `a0` its number for filters and figures, `k0` the code by which rows are counted.
 */
export interface StoredColumn {
  index: number
  column: ViewedColumn
  storage: Storage
  /** Whether there is `a…`: a number, or a time in milliseconds since 1970. */
  hasAxis: boolean
}

export function storedColumns(columns: readonly ViewedColumn[], isText: (name: string) => boolean): StoredColumn[] {
  return columns.map((column, index) => ({
    index,
    column,
    storage: storageOf(column, isText(column.name)),
    hasAxis: column.kind === 'number' || column.kind === 'time',
  }))
}

/** @param isText whether the number comes as text, because a double cannot hold it: NUMERIC and BIGNUMERIC */
function storageOf({ kind, is_integer: isInteger }: ViewedColumn, isText: boolean): Storage {
  switch (kind) {
    case 'enum':
    case 'text':
    case 'time':
      return 'VARCHAR'
    case 'boolean':
      return 'BOOLEAN'
    case 'number':
      return isText ? 'VARCHAR' : isInteger ? 'BIGINT' : 'DOUBLE'
    case 'other':
      return 'JSON'
  }
}

export const valueName = ({ index }: StoredColumn): string => `v${index}`
export const axisName = ({ index }: StoredColumn): string => `a${index}`
export const codeName = ({ index }: StoredColumn): string => `k${index}`
/** The table of a text column's different values with their codes. */
export const dictionaryName = ({ index }: StoredColumn): string => `d${index}`

/** Returns a value of the local table as the viewer gets it. */
export function shownValue(stored: unknown, storage: Storage): Value {
  if (stored === null || stored === undefined) return null
  if (storage === 'JSON') return JSON.parse(String(stored)) as Value
  if (typeof stored === 'bigint') return Number.isSafeInteger(Number(stored)) ? Number(stored) : String(stored)
  if (typeof stored === 'number' && !Number.isFinite(stored)) return String(stored)
  return stored as Value
}

/** Returns the number that a value has in a chart; null without a finite one. */
export function axisValue(value: unknown, { kind }: ViewedColumn): number | null {
  const number = axisNumber(value, kind)
  return Number.isFinite(number) ? number : null
}
