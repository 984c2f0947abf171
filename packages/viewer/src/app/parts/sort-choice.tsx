import { useShared } from '../data/source-context.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Sort } from '../state/view-state.ts'
import { Icon } from './icon.tsx'

/** The order of the rows, where there are no headers to click. */
export function SortChoice({ sort, change }: { sort: Sort | null; change: ChangeView }) {
  const { run } = useShared()
  const columns = run.columns.filter(({ kind, name }) => kind !== 'other' && name !== 'unit_id')
  const isDescending = sort?.descending ?? false
  const label = isDescending ? 'Descending. Change to ascending.' : 'Ascending. Change to descending.'
  return (
    <span className="sort-choice">
      <label>
        <span className="muted">Sort by </span>
        <select
          value={sort?.column ?? ''}
          onChange={({ target }) =>
            change(
              {
                sort:
                  target.value === '' && !isDescending
                    ? null
                    : { column: target.value || 'unit_id', descending: isDescending },
              },
              'replace',
            )
          }
        >
          <option value="">unit_id</option>
          {columns.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="icon"
        aria-label={label}
        title={label}
        onClick={() => change({ sort: { column: sort?.column ?? 'unit_id', descending: !isDescending } }, 'replace')}
      >
        <Icon name={isDescending ? 'down' : 'up'} />
      </button>
    </span>
  )
}
