import type { Value, ViewedColumn } from '../../contract/columns.ts'
import type { Condition } from '../../contract/filter.ts'
import { count, number } from './numbers.ts'
import { minute, timeBound, timeText } from './times.ts'

export const NO_VALUE = 'no value'

/** A value on one line, as its column's kind shows it. Null is the empty text. */
export function valueText(value: Value | undefined, column?: Pick<ViewedColumn, 'kind' | 'is_integer'>): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'number') return column?.is_integer === true ? count(value) : number(value)
  if (typeof value === 'string') return column?.kind === 'time' ? timeText(value) : value
  return JSON.stringify(value)
}

/** A value with all its digits, for copying. Null is the empty text. */
export function exactText(value: Value | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function bound(value: number, other: number | null, column: ViewedColumn | undefined): string {
  if (column?.kind !== 'time') return number(value)
  return other === null ? minute(value) : timeBound(value, Math.abs(other - value))
}

/** What a condition says, as `[subject, rest]`: `['verdict', 'is good or fair']`. */
export function conditionText(condition: Condition, columns: readonly ViewedColumn[]): [subject: string, rest: string] {
  if ('is' in condition) {
    const values = condition.is.map((value) => (value === null ? NO_VALUE : value === '' ? '(empty)' : String(value)))
    return [condition.column, `is ${values.join(' or ')}`]
  }
  if ('from' in condition) {
    const column = columns.find(({ name }) => name === condition.column)
    const { from, to } = condition
    if (from === null) return [condition.column, `up to ${bound(to ?? 0, null, column)}`]
    if (to === null) return [condition.column, `from ${bound(from, null, column)}`]
    return [condition.column, `${bound(from, to, column)} – ${bound(to, from, column)}`]
  }
  if ('contains' in condition) return [condition.column, `contains “${condition.contains}”`]
  if ('search' in condition) return ['search', `“${condition.search}”`]
  if ('review' in condition) {
    return ['review', condition.review.map((state) => (state === 'none' ? 'not marked' : state)).join(' or ')]
  }
  const [west, south, east, north] = condition.box
  return ['area', `${south.toFixed(3)}, ${west.toFixed(3)} – ${north.toFixed(3)}, ${east.toFixed(3)}`]
}
