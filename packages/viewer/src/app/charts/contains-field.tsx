import type { Filter } from '../../contract/filter.ts'
import { useLateText } from '../parts/use-late-text.ts'
import { containsOf, withContains } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'

/** Filters by a part of a text. */
export function ContainsField({ column, filter, change }: { column: string; filter: Filter; change: ChangeView }) {
  const [text, setText] = useLateText(containsOf(filter, column), (next) =>
    change((now) => ({ filter: withContains(now.filter, column, next) }), 'replace'),
  )
  return (
    <input
      className="contains"
      type="search"
      aria-label={`${column} contains`}
      placeholder="contains…"
      value={text}
      onChange={({ target }) => setText(target.value)}
    />
  )
}
