import type { ColumnRole, ViewedColumn } from '../../contract/columns.ts'
import type { Chart } from '../../contract/source.ts'

export interface ChartedColumn {
  column: ViewedColumn
  /** Undefined for a text column without a chart, which can still be searched. */
  chart: Chart | undefined
}

/** Columns that name the row: the search field is for these. */
const NAMES = new Set(['unit_id', 'asset_id'])

const ORDER: ColumnRole[] = ['answer', 'kept', 'record']

/** The columns that have something to filter by, in groups: the answer first, the record last. */
export function chartedColumns(
  charts: readonly Chart[],
  columns: readonly ViewedColumn[],
): [ColumnRole, ChartedColumn[]][] {
  const known = columns.flatMap((column): ChartedColumn[] => {
    const chart = charts.find((each) => each.column === column.name)
    const canSearch = column.kind === 'text' && column.role !== 'record' && !NAMES.has(column.name)
    return chart === undefined && !canSearch ? [] : [{ column, chart }]
  })
  return ORDER.map((role): [ColumnRole, ChartedColumn[]] => [role, known.filter(({ column }) => column.role === role)])
}
