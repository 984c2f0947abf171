import {
  useEffect,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
} from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { RowPages } from '../data/row-pages.ts'
import { useNeededRows } from '../data/use-needed-rows.ts'
import { count, counted } from '../format/numbers.ts'
import { copyText } from '../parts/copy.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Sort } from '../state/view-state.ts'
import { selectionText } from './copy-selection.ts'
import { cellId, GridRow } from './grid-row.tsx'
import { HeaderCell } from './header-cell.tsx'
import { cellAfter, columnsOf, rowsOf, type Cell, type Selection } from './selection.ts'
import { useColumnWidths, UNIT_COLUMN } from './use-column-widths.ts'
import { useFixedRows } from './use-fixed-rows.ts'

const ROW_HEIGHT = 30
/** Of a cell, besides its text, and of a letter of a unit's ID; in pixels. */
const CELL_SPACE = 22
const LETTER_WIDTH = 7.3

interface Props {
  pages: RowPages
  columns: ViewedColumn[]
  sort: Sort | null
  change: ChangeView
  /** Shows what came of a copy. */
  tell: (message: string) => void
}

function cellOf(target: EventTarget): Cell | undefined {
  const place = target instanceof Element ? target.closest<HTMLElement>('[data-cell]')?.dataset['cell'] : undefined
  if (place === undefined) return undefined
  const [row = 0, column = 0] = place.split(' ').map(Number)
  return { row, column }
}

/** A table that draws only what is visible, and loads only what it draws. */
export function Grid({ pages, columns, sort, change, tell }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const [selection, setSelection] = useState<Selection>()
  const isDragging = useRef(false)
  const total = pages.total ?? 0
  const { virtualizer, reachable, keyOf } = useFixedRows(scroller, total, ROW_HEIGHT, 8)
  const widths = useColumnWidths(columns)
  const items = virtualizer.getVirtualItems()
  useNeededRows(pages, items[0]?.index ?? 0, items.at(-1)?.index ?? 0)

  useEffect(() => {
    const end = (): void => {
      isDragging.current = false
    }
    window.addEventListener('pointerup', end)
    return () => window.removeEventListener('pointerup', end)
  }, [])

  const open = (index: number): void => {
    const row = pages.row(index)
    if (row !== undefined) change({ unit: row.unit_id, at: index })
  }
  const copy = async (): Promise<void> => {
    if (selection === undefined) return
    try {
      const { text, rows } = await selectionText(pages, columns, selection)
      tell((await copyText(text)) ? `Copied ${counted(rows, 'row')}.` : 'The browser refused to copy.')
    } catch (error) {
      tell((error as Error).message)
    }
  }
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return
    const hasControl = event.ctrlKey || event.metaKey
    const focus = selection?.focus ?? { row: -1, column: 0 }
    if (hasControl && event.key.toLowerCase() === 'c') {
      event.preventDefault()
      void copy()
      return
    }
    if (event.key === 'Enter' && focus.row >= 0) return open(focus.row)
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 300) / ROW_HEIGHT) - 2)
    const next = cellAfter(event.key, hasControl, focus, page, { row: reachable, column: columns.length + 1 })
    if (next === undefined || reachable === 0) return
    event.preventDefault()
    setSelection((now) => ({ anchor: event.shiftKey ? (now?.anchor ?? next) : next, focus: next }))
    virtualizer.scrollToIndex(next.row)
    requestAnimationFrame(() =>
      document.getElementById(cellId(next))?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    )
  }
  const onPointerDown = (event: PointerEvent): void => {
    const cell = cellOf(event.target)
    if (cell === undefined || event.button !== 0) return
    isDragging.current = event.pointerType === 'mouse'
    setSelection((now) => ({ anchor: event.shiftKey ? (now?.anchor ?? cell) : cell, focus: cell }))
  }
  const onPointerOver = (event: PointerEvent): void => {
    const cell = isDragging.current ? cellOf(event.target) : undefined
    if (cell !== undefined) setSelection((now) => ({ anchor: now?.anchor ?? cell, focus: cell }))
  }
  const onClick = (event: MouseEvent): void => {
    const index =
      event.target instanceof Element ? event.target.closest<HTMLElement>('[data-open]')?.dataset['open'] : undefined
    if (index !== undefined && !event.shiftKey) open(Number(index))
  }

  const letters = Math.floor((widths.widthOf(UNIT_COLUMN) - CELL_SPACE) / LETTER_WIDTH)
  const rows = selection === undefined ? undefined : rowsOf(selection)
  const chosen = selection === undefined ? { first: -1, last: -2 } : columnsOf(selection)
  return (
    <>
      <div
        ref={scroller}
        className="grid"
        role="grid"
        aria-label="Rows"
        aria-rowcount={total + 1}
        aria-colcount={columns.length + 1}
        aria-multiselectable="true"
        aria-activedescendant={selection === undefined ? undefined : cellId(selection.focus)}
        tabIndex={0}
        style={{ '--columns': widths.template } as CSSProperties}
        onKeyDown={onKeyDown}
        onPointerDown={onPointerDown}
        onPointerOver={onPointerOver}
        onClick={onClick}
        onDoubleClick={(event) => {
          const cell = cellOf(event.target)
          if (cell !== undefined) open(cell.row)
        }}
      >
        <div className="grid-inside" style={{ width: widths.total }}>
          <div role="rowgroup" className="grid-head">
            <div role="row" aria-rowindex={1} className="grid-row head">
              {[null, ...columns].map((column, index) => (
                <HeaderCell
                  key={column?.name ?? UNIT_COLUMN}
                  name={column?.name ?? UNIT_COLUMN}
                  description={column === null ? 'The asset, or the observation of it.' : column.description}
                  index={index}
                  isNumber={column?.kind === 'number'}
                  sort={sort}
                  widths={widths}
                  change={change}
                />
              ))}
            </div>
          </div>
          <div role="rowgroup" className="grid-body" style={{ height: virtualizer.getTotalSize() }}>
            {items.map(({ index, start }) => {
              const isSelected = rows !== undefined && index >= rows.first && index <= rows.last
              return (
                <GridRow
                  key={keyOf(index)}
                  index={index}
                  top={start}
                  height={ROW_HEIGHT}
                  row={pages.row(index)}
                  columns={columns}
                  letters={letters}
                  selectedFirst={isSelected ? chosen.first : -1}
                  selectedLast={isSelected ? chosen.last : -2}
                  active={selection?.focus.row === index ? selection.focus.column : -1}
                />
              )
            })}
          </div>
        </div>
      </div>
      {reachable < total && (
        <p className="muted grid-end">
          The table ends at row {count(reachable)} of {count(total)}. Filter, sort or export to see the rest.
        </p>
      )}
    </>
  )
}
