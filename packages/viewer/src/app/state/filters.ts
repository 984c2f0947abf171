import type { Condition, Filter, ReviewState } from '../../contract/filter.ts'

export type Plain = string | number | boolean | null

type IsCondition = Extract<Condition, { is: unknown }>
type RangeCondition = Extract<Condition, { from: unknown }>

export function isOf(filter: Filter, column: string): IsCondition | undefined {
  return filter.find((each): each is IsCondition => 'is' in each && each.column === column)
}

export function rangeOf(filter: Filter, column: string): RangeCondition | undefined {
  return filter.find((each): each is RangeCondition => 'from' in each && each.column === column)
}

export function containsOf(filter: Filter, column: string): string {
  const found = filter.find(
    (each): each is Extract<Condition, { contains: string }> => 'contains' in each && each.column === column,
  )
  return found?.contains ?? ''
}

export function searchOf(filter: Filter): string {
  return filter.find((each): each is { search: string } => 'search' in each)?.search ?? ''
}

export function reviewOf(filter: Filter): ReviewState[] {
  return filter.find((each): each is { review: ReviewState[] } => 'review' in each)?.review ?? []
}

/** Returns what a condition is about: a filter has at most one condition of each subject. */
function subject(condition: Condition): string {
  if ('column' in condition) return `column ${condition.column}`
  if ('search' in condition) return 'search'
  return 'box' in condition ? 'box' : 'review'
}

/** Puts a condition in the place of the one about the same subject, or at the end. */
export function withCondition(filter: Filter, condition: Condition): Filter {
  const place = filter.findIndex((each) => subject(each) === subject(condition))
  return place < 0 ? [...filter, condition] : filter.with(place, condition)
}

export function withoutCondition(filter: Filter, condition: Condition): Filter {
  return filter.filter((each) => subject(each) !== subject(condition))
}

/** Adds a value to those that a column may have, or takes it away. */
export function toggleValue(filter: Filter, column: string, value: Plain): Filter {
  const chosen = isOf(filter, column)?.is ?? []
  const is = chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value]
  const condition = { column, is }
  return is.length === 0 ? withoutCondition(filter, condition) : withCondition(filter, condition)
}

export function withContains(filter: Filter, column: string, contains: string): Filter {
  const condition = { column, contains }
  return contains === '' ? withoutCondition(filter, condition) : withCondition(filter, condition)
}

export function withSearch(filter: Filter, search: string): Filter {
  return search === '' ? withoutCondition(filter, { search }) : withCondition(filter, { search })
}
