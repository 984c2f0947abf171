import { memo } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { PageRow } from '../../contract/source.ts'
import { shortText } from '../../contract/short-text.ts'
import { ShownValue } from '../parts/value.tsx'
import type { Cell } from './selection.ts'

interface Props {
  index: number
  /** In pixels from the first row. */
  top: number
  height: number
  /** Undefined while it is on its way. */
  row: PageRow | undefined
  columns: readonly ViewedColumn[]
  /** Letters of a unit's ID that there is room for. */
  letters: number
  /** Selected columns of this row; -1 for none. */
  selectedFirst: number
  selectedLast: number
  /** The column of the cell that keys work on; -1 if it is in another row. */
  active: number
}

export const cellId = ({ row, column }: Cell): string => `cell-${row}-${column}`

/** One row of the table. Clicks and keys are handled by the table around it. */
export const GridRow = memo(function GridRow(props: Props) {
  const { index, top, height, row, columns, letters, selectedFirst, selectedLast, active } = props
  const cell = (column: number, kind: string): { id: string; className: string; selected: boolean } => ({
    id: cellId({ row: index, column }),
    className: `cell ${kind} ${column === active ? 'active' : ''}`,
    selected: column >= selectedFirst && column <= selectedLast,
  })
  const unit = cell(0, 'pinned')
  // While someone scrolls past, cells would cost more than they say.
  const shown = row === undefined ? [] : columns
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={index % 2 === 1 ? 'grid-row odd' : 'grid-row'}
      style={{ transform: `translateY(${top}px)`, height }}
    >
      <div
        role="gridcell"
        id={unit.id}
        aria-selected={unit.selected}
        data-cell={`${index} 0`}
        className={unit.className}
      >
        {row === undefined ? (
          <span className="skeleton" />
        ) : (
          <button type="button" className="open" tabIndex={-1} data-open={index} title={`Open ${row.unit_id}`}>
            <bdi>{shortText(row.unit_id, Math.max(8, letters))}</bdi>
          </button>
        )}
      </div>
      {shown.map((column, place) => {
        const { id, className, selected } = cell(place + 1, column.kind === 'number' ? 'number' : '')
        return (
          <div
            key={column.name}
            role="gridcell"
            id={id}
            aria-selected={selected}
            data-cell={`${index} ${place + 1}`}
            className={className}
          >
            <ShownValue value={row?.values[column.name]} column={column} />
          </div>
        )
      })}
    </div>
  )
})
