import { useEffect, useRef, useState, type KeyboardEvent } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { RowPages } from '../data/row-pages.ts'
import { useNeededRows } from '../data/use-needed-rows.ts'
import { useShared } from '../data/source-context.ts'
import { count, counted } from '../format/numbers.ts'
import { useSize } from '../parts/use-size.ts'
import { useFixedRows } from '../table/use-fixed-rows.ts'
import { Card } from './card.tsx'
import { placeAfter } from './placement.ts'

const GAP = 12
const PADDING = 14
const LINE = 20

interface Props {
  pages: RowPages
  columns: ViewedColumn[]
  /** The least width of a card, in pixels. */
  width: number
  open: (unit: string, at: number) => void
}

/** Cards in rows; only those near the screen exist. */
export function Cards({ pages, columns, width, open }: Props) {
  const { source } = useShared()
  const scroller = useRef<HTMLDivElement>(null)
  const size = useSize(scroller)
  const [active, setActive] = useState(0)
  const wantsFocus = useRef(false)
  const total = pages.total ?? 0
  const inside = Math.max(0, size.width - 2 * PADDING)
  const lanes = Math.max(1, Math.floor((inside + GAP) / (width + GAP)))
  const cardWidth = (inside - (lanes - 1) * GAP) / lanes
  const imageHeight = Math.round(cardWidth * 0.72)
  const cardHeight = imageHeight + 36 + columns.length * LINE + 8
  const { virtualizer, reachable, keyOf } = useFixedRows(scroller, Math.ceil(total / lanes), cardHeight + GAP, 2)
  useEffect(() => virtualizer.measure(), [virtualizer, cardHeight])
  const lines = size.width === 0 ? [] : virtualizer.getVirtualItems()
  const cards = Math.min(total, reachable * lanes)
  useNeededRows(pages, (lines[0]?.index ?? 0) * lanes, ((lines.at(-1)?.index ?? 0) + 1) * lanes - 1)

  useEffect(() => {
    if (!wantsFocus.current) return
    const card = scroller.current?.querySelector<HTMLElement>(`[data-place="${active}"]`)
    if (card === null || card === undefined) return
    wantsFocus.current = false
    card.focus({ preventScroll: true })
  })
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(size.height / (cardHeight + GAP)))
    const next = placeAfter(event.key, active, lanes, page, cards)
    if (next === undefined) return
    event.preventDefault()
    wantsFocus.current = true
    setActive(next)
    virtualizer.scrollToIndex(Math.floor(next / lanes))
  }

  return (
    <div ref={scroller} className="cards" onKeyDown={onKeyDown}>
      <ul aria-label={counted(total, 'asset')} style={{ height: virtualizer.getTotalSize() + PADDING }}>
        {lines.flatMap((line) =>
          Array.from({ length: Math.min(lanes, cards - line.index * lanes) }, (_, lane) => {
            const place = line.index * lanes + lane
            const left = PADDING + lane * (cardWidth + GAP)
            return (
              <li
                key={keyOf(line.index) * lanes + lane}
                aria-setsize={total}
                aria-posinset={place + 1}
                style={{ transform: `translate(${left}px, ${line.start}px)`, width: cardWidth, height: cardHeight }}
              >
                <Card
                  place={place}
                  row={pages.row(place)}
                  source={source}
                  columns={columns}
                  imageHeight={imageHeight}
                  isActive={place === active}
                  open={open}
                  onFocus={setActive}
                />
              </li>
            )
          }),
        )}
      </ul>
      {cards < total && (
        <p className="muted grid-end">
          The gallery ends after {count(cards)} of {count(total)} assets. Filter or sort to see the rest.
        </p>
      )}
    </div>
  )
}
