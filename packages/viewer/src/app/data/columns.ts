import type { ViewedColumn } from '../../contract/columns.ts'
import type { ViewedRun } from '../../contract/run.ts'

/** The columns that the table shows at first: the status, the answer and what the user kept. */
export function usualColumns(run: ViewedRun): ViewedColumn[] {
  return run.columns.filter(({ name, role }) => name !== 'unit_id' && (role !== 'record' || name === 'status'))
}

/** The chosen columns that exist, in the order in which they were chosen. */
export function chosenColumns(run: ViewedRun, chosen: readonly string[] | null): ViewedColumn[] {
  if (chosen === null) return usualColumns(run)
  const columns = chosen.map((name) => run.columns.find((column) => column.name === name))
  return columns.filter((column) => column !== undefined)
}

/** Columns with few values: for colors and strata. */
export function groupColumns(run: ViewedRun): ViewedColumn[] {
  return run.columns.filter(({ kind }) => kind === 'enum' || kind === 'boolean')
}

export function answerColumns(run: ViewedRun): ViewedColumn[] {
  return run.columns.filter(({ role }) => role === 'answer')
}
