import type { Value } from '../../contract/columns.ts'
import type { ColumnMark, Mark, Verdict } from '../../contract/review.ts'

function empty(unitId: string): Mark {
  return { unit_id: unitId, verdict: null, columns: {}, note: '', marked_at: '' }
}

/** Returns the mark with the time, or null if nothing is left of it. */
function finished(mark: Mark, now: Date): Mark | null {
  const isEmpty = mark.verdict === null && Object.keys(mark.columns).length === 0 && mark.note === ''
  return isEmpty ? null : { ...mark, marked_at: now.toISOString() }
}

/** Marks the whole answer, or takes its verdict back with null. */
export function markAnswer(mark: Mark | null, unitId: string, verdict: Verdict | null, now: Date): Mark | null {
  return finished({ ...(mark ?? empty(unitId)), verdict }, now)
}

/** Marks one column, or takes its verdict back with null. A right value belongs to a wrong answer only. */
export function markColumn(
  mark: Mark | null,
  unitId: string,
  { column, verdict, value }: { column: string; verdict: Verdict | null; value: Value | undefined },
  now: Date,
): Mark | null {
  const before = mark ?? empty(unitId)
  const { [column]: old, ...others } = before.columns
  if (verdict === null) return finished({ ...before, columns: others }, now)
  if (old?.verdict === verdict) return before
  const next: ColumnMark = { verdict }
  // The only other value of a boolean is the right one.
  if (verdict === 'wrong' && typeof value === 'boolean') next.right_value = !value
  return finished({ ...before, columns: { ...others, [column]: next } }, now)
}

/** Sets the right value of a column, which makes its answer wrong. */
export function setRightValue(mark: Mark | null, unitId: string, column: string, right: Value, now: Date): Mark | null {
  const before = mark ?? empty(unitId)
  const columns = { ...before.columns, [column]: { verdict: 'wrong' as const, right_value: right } }
  return finished({ ...before, columns }, now)
}

export function setNote(mark: Mark | null, unitId: string, note: string, now: Date): Mark | null {
  return finished({ ...(mark ?? empty(unitId)), note }, now)
}
