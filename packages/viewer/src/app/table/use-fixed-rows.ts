import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import type { RefObject } from 'react'

/** Firefox draws nothing beyond about 17.8 million pixels, and Chromium beyond 33.5 million. */
const LARGEST_HEIGHT = 15_000_000

export interface FixedRows {
  virtualizer: Virtualizer<HTMLDivElement, Element>
  /** Rows that can be scrolled to. */
  reachable: number
}

/** Draws only the rows near the visible ones. All rows have the same height, in pixels. */
export function useFixedRows(scroller: RefObject<HTMLDivElement | null>, rows: number, height: number): FixedRows {
  const reachable = Math.min(rows, Math.floor(LARGEST_HEIGHT / height))
  const virtualizer = useVirtualizer({
    count: reachable,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  })
  return { virtualizer, reachable }
}
