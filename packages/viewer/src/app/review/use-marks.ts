import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { useShared } from '../data/source-context.ts'
import { ReviewMarks, type ShownReview } from './review-marks.ts'

export interface Marks extends ShownReview {
  save: ReviewMarks['save']
  undo: ReviewMarks['undo']
  retry: () => void
}

/** The marks of the run. */
export function useMarks(): Marks {
  const { source, version } = useShared()
  const marks = useMemo(() => new ReviewMarks(source), [source])
  const loaded = useRef<ReviewMarks>(undefined)
  useEffect(() => {
    if (loaded.current === marks) marks.rowsChanged()
    else marks.load()
    loaded.current = marks
  }, [marks, version])
  const shown = useSyncExternalStore(marks.subscribe, marks.shown)
  return { ...shown, save: marks.save, undo: marks.undo, retry: marks.load }
}
