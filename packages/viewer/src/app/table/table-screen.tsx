import { useMemo, useRef, useState } from 'react'
import { chosenColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'
import { useRowPages } from '../data/use-row-pages.ts'
import { count } from '../format/numbers.ts'
import { Empty } from '../parts/empty.tsx'
import { Problem } from '../parts/problem.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { ColumnChooser } from './column-chooser.tsx'
import { ExportLinks } from './export-links.tsx'
import { Grid } from './grid.tsx'

/** All rows that the filter keeps, as a table. */
export function TableScreen({ state, change }: { state: ViewState; change: ChangeView }) {
  const { run } = useShared()
  const pages = useRowPages(state.filter, state.sort)
  const [message, setMessage] = useState('')
  const columns = useMemo(() => chosenColumns(run, state.columns), [run, state.columns])
  const tools = useRef<HTMLDivElement>(null)
  return (
    <div className="table-screen">
      <div className="screen-tools" ref={tools}>
        <ColumnChooser chosen={columns} change={change} />
        <ExportLinks filter={state.filter} columns={columns} />
        <p className="muted" role="status">
          {message}
        </p>
      </div>
      {pages.error !== undefined && <Problem error={pages.error} retry={pages.retry} />}
      {pages.total === 0 ? (
        <Empty title={run.units.total === 0 ? 'No rows yet' : 'No row fits the filter'}>
          {state.filter.length > 0 && (
            <button type="button" onClick={() => change({ filter: [] })}>
              Clear the filter
            </button>
          )}
        </Empty>
      ) : (
        <Grid
          // Another order or filter starts at the top.
          key={JSON.stringify([state.filter, state.sort])}
          pages={pages}
          columns={columns}
          sort={state.sort}
          change={change}
          tell={setMessage}
        />
      )}
      <p className="sr" role="status">
        {pages.total === undefined ? '' : `${count(pages.total)} rows`}
      </p>
    </div>
  )
}
