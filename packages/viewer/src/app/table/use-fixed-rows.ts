import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import type { RefObject } from 'react'

/** Firefox draws nothing beyond about 17.8 million pixels, and Chromium beyond 33.5 million. */
const LARGEST_HEIGHT = 15_000_000

export interface FixedRows {
  virtualizer: Virtualizer<HTMLDivElement, Element>
  /** Rows that can be scrolled to. */
  reachable: number
  /** For React: a row's element is used again for a row that comes into view, which is faster than a new one. */
  keyOf: (row: number) => number
}

/** Draws only the rows near the visible ones. All rows have the same height, in pixels. `overscan` more are ready on both sides. */
export function useFixedRows(
  scroller: RefObject<HTMLDivElement | null>,
  rows: number,
  height: number,
  overscan: number,
): FixedRows {
  const reachable = Math.min(rows, Math.floor(LARGEST_HEIGHT / height))
  const virtualizer = useVirtualizer({
    count: reachable,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan,
  })
  const drawn = Math.ceil((virtualizer.scrollRect?.height ?? 0) / height) + 2 * overscan + 2
  return { virtualizer, reachable, keyOf: (row) => row % drawn }
}
