import { memo } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { Filter } from '../../contract/filter.ts'
import type { Chart } from '../../contract/source.ts'
import { isOf, rangeOf, toggleValue, withCondition, withoutCondition } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import { Bars } from './bars.tsx'
import { ContainsField } from './contains-field.tsx'
import { Histogram } from './histogram.tsx'

interface Props {
  column: ViewedColumn
  /** Undefined for a text column without bars. */
  all: Chart | undefined
  /** Undefined while the first filtered counts are on their way. */
  filtered: Chart | undefined
  totalRows: number
  filter: Filter
  change: ChangeView
}

const ROLES = { answer: 'answer', kept: 'your column', record: 'record' }

/** The chart of a column, each part of which filters by click. */
export const ColumnChart = memo(function ColumnChart({ column, all, filtered, totalRows, filter, change }: Props) {
  const shown = filtered ?? all
  const setFilter = (next: (now: Filter) => Filter): void => change(({ filter: now }) => ({ filter: next(now) }))
  const isFiltered = filter.some((condition) => 'column' in condition && condition.column === column.name)
  return (
    <section className="chart" aria-label={`Chart of ${column.name}`}>
      <header>
        <h3 title={column.description ?? undefined}>
          <bdi>{column.name}</bdi>
        </h3>
        <span className="chart-role">{ROLES[column.role]}</span>
        {isFiltered && (
          <button
            type="button"
            className="link"
            onClick={() => setFilter((now) => withoutCondition(now, { column: column.name, is: [] }))}
          >
            Clear<span className="sr"> the filter of {column.name}</span>
          </button>
        )}
      </header>
      {all === undefined && <p className="chart-note">Almost every value is different, or some are long.</p>}
      {all?.type === 'bars' && shown?.type === 'bars' && (
        <Bars
          all={all}
          filtered={shown}
          hasOrder={column.kind !== 'text'}
          totalRows={totalRows}
          chosen={isOf(filter, column.name)?.is ?? []}
          onToggle={(value) => setFilter((now) => toggleValue(now, column.name, value))}
        />
      )}
      {all?.type === 'histogram' && shown?.type === 'histogram' && (
        <Histogram
          column={column}
          all={all}
          filtered={shown}
          chosen={rangeOf(filter, column.name)}
          onRange={(range) =>
            setFilter((now) =>
              range === null
                ? withoutCondition(now, { column: column.name, from: null, to: null })
                : withCondition(now, {
                    column: column.name,
                    from: range.from,
                    to: range.to,
                    ...(range.closed ? { closed: true } : {}),
                  }),
            )
          }
        />
      )}
      {column.kind === 'text' && <ContainsField column={column.name} filter={filter} change={change} />}
    </section>
  )
})
