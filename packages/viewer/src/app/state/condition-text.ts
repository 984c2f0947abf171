import type { Condition, ReviewState } from '../../contract/filter.ts'

const REVIEW_STATES: readonly ReviewState[] = ['right', 'wrong', 'unsure', 'none']

/** Returns the key and value of a condition in an address. Values are JSON, so that they keep their type. */
export function formatCondition(condition: Condition): [key: string, value: string] {
  if ('is' in condition) return [`is.${condition.column}`, JSON.stringify(condition.is)]
  if ('from' in condition) {
    const { column, from, to, closed } = condition
    return [`range.${column}`, JSON.stringify(closed === true ? [from, to, true] : [from, to])]
  }
  if ('contains' in condition) return [`contains.${condition.column}`, condition.contains]
  if ('search' in condition) return ['search', condition.search]
  if ('box' in condition) return ['box', JSON.stringify(condition.box)]
  return ['review', JSON.stringify(condition.review)]
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isBound = (value: unknown): value is number | null =>
  value === null || (typeof value === 'number' && Number.isFinite(value))

const isPlain = (value: unknown): value is string | number | boolean | null =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)

/** Reads what {@link formatCondition} wrote. Returns null for anything else. */
export function parseCondition(key: string, text: string): Condition | null {
  if (key === 'search') return text === '' ? null : { search: text }
  const [kind = '', ...rest] = key.split('.')
  const column = rest.join('.')
  if (kind === 'contains') return column === '' || text === '' ? null : { column, contains: text }
  const value = json(text)
  if (!Array.isArray(value)) return null
  const list: unknown[] = value
  if (key === 'box') {
    const [west, south, east, north] = list
    const sides = [west, south, east, north].filter((side) => typeof side === 'number' && Number.isFinite(side))
    return sides.length === 4 && list.length === 4 ? { box: sides as [number, number, number, number] } : null
  }
  if (key === 'review') {
    const review = REVIEW_STATES.filter((state) => list.includes(state))
    return review.length === 0 ? null : { review }
  }
  if (column === '') return null
  if (kind === 'is') return list.length > 0 && list.every(isPlain) ? { column, is: list } : null
  if (kind === 'range') {
    const [from, to, closed] = list
    if (!isBound(from) || !isBound(to) || (from === null && to === null)) return null
    return closed === true ? { column, from, to, closed } : { column, from, to }
  }
  return null
}
