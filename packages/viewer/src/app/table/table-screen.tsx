import { useMemo, useState } from 'react'
import { chosenColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'
import { useRowPages } from '../data/use-row-pages.ts'
import { counted } from '../format/numbers.ts'
import { NoRows } from '../parts/no-rows.tsx'
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
  return (
    <div className="table-screen">
      <h2 className="sr">Table</h2>
      <div className="screen-tools">
        <ColumnChooser chosen={columns} change={change} />
        <ExportLinks filter={state.filter} columns={columns} />
        <p className="muted" role="status">
          {message}
        </p>
      </div>
      <p className="print-note">A print shows the rows that were on the screen.</p>
      {pages.error !== undefined && <Problem error={pages.error} retry={pages.retry} />}
      {pages.total === 0 ? (
        <NoRows filter={state.filter} change={change} />
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
        {pages.total === undefined ? '' : counted(pages.total, 'row')}
      </p>
    </div>
  )
}
