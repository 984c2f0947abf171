import { useMemo, useState } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'

const USUAL: Record<ViewedColumn['kind'], number> = {
  enum: 130,
  boolean: 100,
  number: 110,
  time: 160,
  text: 240,
  other: 220,
}
const UNIT_WIDTH = 190
/** On a phone, where the unit's column stays in view beside the others. */
const NARROW_UNIT_WIDTH = 120
const LEAST = 60

/** Widths that were changed, in pixels by column, kept while the page is open. */
const changed = new Map<string, number>()

export const UNIT_COLUMN = 'unit_id'

function usualWidth(column: ViewedColumn): number {
  const title = column.name.length * 7.5 + 34
  return Math.round(Math.min(320, Math.max(USUAL[column.kind], title)))
}

function unitWidth(): number {
  return matchMedia('(max-width: 600px)').matches ? NARROW_UNIT_WIDTH : UNIT_WIDTH
}

export interface ColumnWidths {
  /** For `grid-template-columns`. */
  template: string
  total: number
  widthOf: (name: string) => number
  setWidth: (name: string, width: number) => void
}

/** The widths of the table's columns. */
export function useColumnWidths(columns: readonly ViewedColumn[]): ColumnWidths {
  const [version, setVersion] = useState(0)
  return useMemo(() => {
    const widthOf = (name: string): number => {
      const column = columns.find((each) => each.name === name)
      return changed.get(name) ?? (column === undefined ? unitWidth() : usualWidth(column))
    }
    // The last text takes the room that is left.
    const last = columns.findLastIndex(({ name, kind }) => kind === 'text' && !changed.has(name)) + 1
    const widths = [UNIT_COLUMN, ...columns.map(({ name }) => name)].map(widthOf)
    return {
      template: widths
        .map((width, index) => (index > 0 && index === last ? `minmax(${width}px, 1fr)` : `${width}px`))
        .join(' '),
      total: widths.reduce((sum, width) => sum + width, 0),
      widthOf,
      setWidth: (name, width) => {
        changed.set(name, Math.max(LEAST, Math.round(width)))
        setVersion((count) => count + 1)
      },
    }
    // `version` stands for `changed`, which is not part of React's state.
  }, [columns, version])
}
