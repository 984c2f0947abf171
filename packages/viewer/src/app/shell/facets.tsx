import type { Filter } from '../../contract/filter.ts'
import { chartedColumns } from '../charts/charted-columns.ts'
import { ColumnChart } from '../charts/column-chart.tsx'
import { useShared } from '../data/source-context.ts'
import { Loading } from '../parts/empty.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Summaries } from './use-summaries.ts'

/** The charts beside a screen, to filter what it shows. */
export function Facets({ summaries, filter, change }: { summaries: Summaries; filter: Filter; change: ChangeView }) {
  const { run } = useShared()
  const { all, filtered } = summaries
  return (
    <aside className="facets" aria-label="Charts">
      <h2 className="sr">Charts</h2>
      {all === undefined && <Loading what="charts" />}
      {all !== undefined &&
        chartedColumns(all.charts, run.columns)
          .flatMap(([, columns]) => columns)
          .map(({ chart, column }) => (
            <ColumnChart
              key={column.name}
              column={column}
              all={chart}
              filtered={filtered?.charts.find((each) => each.column === column.name)}
              totalRows={all.rows}
              filter={filter}
              change={change}
            />
          ))}
    </aside>
  )
}
