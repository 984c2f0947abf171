import { useRef } from 'react'
import { Icon } from '../parts/icon.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Sort } from '../state/view-state.ts'
import type { ColumnWidths } from './use-column-widths.ts'

interface Props {
  name: string
  description: string | null
  index: number
  isNumber: boolean
  sort: Sort | null
  widths: ColumnWidths
  change: ChangeView
}

function nextSort(name: string, sort: Sort | null): Sort | null {
  if (sort?.column !== name) return { column: name, descending: false }
  return sort.descending ? null : { column: name, descending: true }
}

/** A column's name, which sorts by click, with an edge that changes the width. */
export function HeaderCell({ name, description, index, isNumber, sort, widths, change }: Props) {
  const start = useRef({ x: 0, width: 0 })
  const direction = sort?.column === name ? (sort.descending ? 'descending' : 'ascending') : 'none'
  const width = widths.widthOf(name)
  return (
    <div
      role="columnheader"
      aria-sort={direction}
      aria-colindex={index + 1}
      className={`cell header-cell ${isNumber ? 'number' : ''} ${index === 0 ? 'pinned' : ''}`}
    >
      <button
        type="button"
        className="sort"
        title={description ?? name}
        onClick={() => change((now) => ({ sort: nextSort(name, now.sort) }), 'replace')}
      >
        <bdi>{name}</bdi>
        {direction !== 'none' && <Icon name={direction === 'ascending' ? 'up' : 'down'} />}
      </button>
      <span
        role="separator"
        aria-orientation="vertical"
        aria-label={`Width of ${name}`}
        aria-valuenow={width}
        aria-valuemin={60}
        aria-valuemax={1000}
        tabIndex={0}
        className="resizer"
        onPointerDown={(event) => {
          start.current = { x: event.clientX, width }
          event.currentTarget.setPointerCapture(event.pointerId)
          event.preventDefault()
        }}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return
          widths.setWidth(name, start.current.width + event.clientX - start.current.x)
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowRight' ? 20 : event.key === 'ArrowLeft' ? -20 : 0
          if (step === 0) return
          event.preventDefault()
          event.stopPropagation()
          widths.setWidth(name, width + step)
        }}
      />
    </div>
  )
}
