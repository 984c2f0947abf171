import type { ColumnRole, ViewedColumn } from '../../contract/columns.ts'
import type { Filter } from '../../contract/filter.ts'
import type { Chart } from '../../contract/source.ts'
import { ColumnChart } from '../charts/column-chart.tsx'
import { useShared } from '../data/source-context.ts'
import { Loading } from '../parts/empty.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Summaries } from './use-summaries.ts'

const ORDER: ColumnRole[] = ['answer', 'kept', 'record']

/** Answers first, as on the overview. */
function inGroups(
  charts: readonly Chart[],
  columns: readonly ViewedColumn[],
): { chart: Chart; column: ViewedColumn }[] {
  const known = charts.flatMap((chart) => {
    const column = columns.find(({ name }) => name === chart.column)
    return column === undefined ? [] : [{ chart, column }]
  })
  return ORDER.flatMap((role) => known.filter(({ column }) => column.role === role))
}

/** The charts beside a screen, to filter what it shows. */
export function Facets({ summaries, filter, change }: { summaries: Summaries; filter: Filter; change: ChangeView }) {
  const { run } = useShared()
  const { all, filtered } = summaries
  return (
    <aside className="facets" aria-label="Charts">
      <h2 className="sr">Charts</h2>
      {all === undefined && <Loading what="charts" />}
      {all !== undefined &&
        inGroups(all.charts, run.columns).map(({ chart, column }) => (
          <ColumnChart
            key={chart.column}
            column={column}
            all={chart}
            filtered={filtered?.charts.find((each) => each.column === chart.column)}
            totalRows={all.rows}
            filter={filter}
            change={change}
          />
        ))}
    </aside>
  )
}
