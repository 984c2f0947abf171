import { useEffect, useRef } from 'react'
import type { RowPages } from './row-pages.ts'

/** While someone scrolls fast, rows that have left the screen after this time are not asked for. */
const SETTLED_MS = 40

/** Loads the rows from `first` to `last`. The first time at once, later when the scrolling slows down. */
export function useNeededRows(pages: RowPages, first: number, last: number): void {
  const asked = useRef<RowPages>(undefined)
  const snapshot = pages.snapshot()
  useEffect(() => {
    if (asked.current !== pages) {
      asked.current = pages
      pages.need(first, last)
      return
    }
    const timer = setTimeout(() => pages.need(first, last), SETTLED_MS)
    return () => clearTimeout(timer)
  }, [pages, first, last, snapshot])
}
