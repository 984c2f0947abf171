import type { ColumnRole } from '../../contract/columns.ts'
import { chartedColumns } from '../charts/charted-columns.ts'
import { ColumnChart } from '../charts/column-chart.tsx'
import { useShared } from '../data/source-context.ts'
import { Empty, Loading } from '../parts/empty.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Summaries } from '../shell/use-summaries.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { Failures } from './failures.tsx'
import { RunFacts } from './run-facts.tsx'
import { Tiles } from './tiles.tsx'

const TITLES: Record<ColumnRole, string> = {
  answer: 'Answers',
  kept: 'Columns of your table',
  record: 'Record of the run',
}

interface Props {
  state: ViewState
  change: ChangeView
  summaries: Summaries
}

/** Counts, cost and failures of the run, and a chart of each column. */
export function Overview({ state, change, summaries }: Props) {
  const { run } = useShared()
  const { all, filtered, error, retry } = summaries
  return (
    <div className="overview">
      <Tiles summaries={summaries} hasFilter={state.filter.length > 0} />
      {run.failures.length > 0 && <Failures filter={state.filter} change={change} />}
      {error !== undefined && <Problem error={error} retry={retry} />}
      {all === undefined && error === undefined && <Loading what="charts" />}
      {all?.rows === 0 && (
        <Empty title="No rows yet">
          <p>
            {run.is_live ? 'They appear here as soon as the first assets have answers.' : 'This run has no results.'}
          </p>
        </Empty>
      )}
      {all !== undefined &&
        all.rows > 0 &&
        chartedColumns(all.charts, run.columns).map(([role, columns]) =>
          columns.length === 0 ? null : (
            <section key={role} className="chart-group">
              <h2>{TITLES[role]}</h2>
              <div className="charts">
                {columns.map(({ chart, column }) => (
                  <ColumnChart
                    key={column.name}
                    column={column}
                    all={chart}
                    filtered={filtered?.charts.find((each) => each.column === column.name)}
                    totalRows={all.rows}
                    filter={state.filter}
                    change={change}
                  />
                ))}
              </div>
            </section>
          ),
        )}
      <RunFacts />
    </div>
  )
}
