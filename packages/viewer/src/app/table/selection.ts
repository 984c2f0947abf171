export interface Cell {
  row: number
  /** 0 is the unit ID; the chosen columns follow. */
  column: number
}

/** A rectangle of cells between where a selection began and where it has come to. */
export interface Selection {
  anchor: Cell
  focus: Cell
}

export interface Span {
  first: number
  last: number
}

export function rowsOf({ anchor, focus }: Selection): Span {
  return { first: Math.min(anchor.row, focus.row), last: Math.max(anchor.row, focus.row) }
}

export function columnsOf({ anchor, focus }: Selection): Span {
  return { first: Math.min(anchor.column, focus.column), last: Math.max(anchor.column, focus.column) }
}

const MOVES: Record<string, (cell: Cell, page: number, size: Cell) => Cell> = {
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  PageDown: ({ row, column }, page) => ({ row: row + page, column }),
  PageUp: ({ row, column }, page) => ({ row: row - page, column }),
  Home: ({ row }) => ({ row, column: 0 }),
  End: ({ row }, _page, size) => ({ row, column: size.column - 1 }),
  'Control+Home': () => ({ row: 0, column: 0 }),
  'Control+End': (_cell, _page, size) => ({ row: size.row - 1, column: size.column - 1 }),
}

/**
 * Returns the cell that a key leads to, or undefined if it is no key of movement.
 *
 * @param page the rows of a page
 * @param size the number of rows and columns
 */
export function cellAfter(key: string, hasControl: boolean, cell: Cell, page: number, size: Cell): Cell | undefined {
  const next = MOVES[hasControl ? `Control+${key}` : key]?.(cell, page, size)
  if (next === undefined) return undefined
  return {
    row: Math.max(0, Math.min(size.row - 1, next.row)),
    column: Math.max(0, Math.min(size.column - 1, next.column)),
  }
}
