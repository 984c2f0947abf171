import type { Filter } from '../../contract/filter.ts'
import type { Summary } from '../../contract/source.ts'
import { useShared } from '../data/source-context.ts'
import { count, counted } from '../format/numbers.ts'
import { conditionText } from '../format/values.ts'
import { Icon } from '../parts/icon.tsx'
import { useLateText } from '../parts/use-late-text.ts'
import { searchOf, withoutCondition, withSearch } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'

interface Props {
  filter: Filter
  change: ChangeView
  summary: Summary | undefined
  isStale: boolean
  facets: { isOpen: boolean; toggle: () => void } | undefined
}

/** How many rows the filter keeps, the search field, and each condition with a button that removes it. */
export function FilterBar({ filter, change, summary, isStale, facets }: Props) {
  const { run } = useShared()
  const rest = filter.filter((condition) => !('search' in condition))
  const total = run.units.total
  return (
    <section className="filter-bar" aria-label="Filter">
      {facets !== undefined && (
        <button
          type="button"
          className="icon facets-button"
          onClick={facets.toggle}
          aria-expanded={facets.isOpen}
          aria-label="Charts beside the screen"
          title="Charts beside the screen"
        >
          <Icon name="filters" />
        </button>
      )}
      <SearchField search={searchOf(filter)} change={change} />
      <p className={isStale ? 'kept stale' : 'kept'} role="status">
        {summary === undefined ? (
          '…'
        ) : filter.length === 0 ? (
          <strong>{counted(summary.rows, 'row')}</strong>
        ) : (
          <>
            <strong>{count(summary.rows)}</strong> of {counted(total, 'row')}
          </>
        )}
      </p>
      <ul className="chips">
        {rest.map((condition) => {
          const [subject, text] = conditionText(condition, run.columns)
          return (
            <li key={subject + text} className="chip">
              <span title={`${subject} ${text}`}>
                <bdi className="chip-subject">{subject}</bdi> <bdi>{text}</bdi>
              </span>
              <button
                type="button"
                aria-label={`Remove the filter: ${subject} ${text}`}
                onClick={() => change((now) => ({ filter: withoutCondition(now.filter, condition) }))}
              >
                <Icon name="close" />
              </button>
            </li>
          )
        })}
      </ul>
      {filter.length > 0 && (
        <button type="button" className="link" onClick={() => change({ filter: [] })}>
          Clear all
        </button>
      )}
    </section>
  )
}

function SearchField({ search, change }: { search: string; change: ChangeView }) {
  const [text, setText] = useLateText(search, (next) =>
    change(({ filter }) => ({ filter: withSearch(filter, next) }), 'replace'),
  )
  return (
    <label className="search">
      <Icon name="search" />
      <span className="sr">Search assets and texts</span>
      <input
        id="search"
        type="search"
        value={text}
        placeholder="Search assets and texts"
        onChange={(event) => setText(event.target.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}
