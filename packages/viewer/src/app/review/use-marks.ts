import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import type { Mark, ReviewProgress } from '../../contract/review.ts'
import { useShared } from '../data/source-context.ts'

export interface Marks {
  /** Undefined until they are loaded. */
  of: ReadonlyMap<string, Mark> | undefined
  progress: ReviewProgress | undefined
  error: Error | undefined
  /** Saves a mark, or clears the unit's mark with null. */
  save: (unitId: string, mark: Mark | null) => void
  /** Takes back the last change. Returns its unit, or undefined without one. */
  undo: () => string | undefined
  canUndo: boolean
  retry: () => void
}

interface Step {
  unitId: string
  before: Mark | null
}

/** The marks of the run. A change shows at once, and is taken back if it could not be saved. */
export function useMarks(): Marks {
  const { source, version } = useShared()
  const [marks, setMarks] = useState<ReadonlyMap<string, Mark>>()
  const [progress, setProgress] = useState<ReviewProgress>()
  const [error, setError] = useState<Error>()
  const [steps, setSteps] = useState<readonly Step[]>([])
  const [tries, setTries] = useState(0)
  /** Changes are saved one after the other, so that the last one of a unit wins. */
  const queue = useRef<Promise<void>>(Promise.resolve())
  const current = useRef(marks)
  current.current = marks

  useEffect(() => {
    let isCurrent = true
    Promise.all([source.marks(), source.reviewProgress()]).then(
      ([list, now]) => {
        if (!isCurrent) return
        setMarks(new Map(list.map((mark) => [mark.unit_id, mark])))
        setProgress(now)
        setError(undefined)
      },
      (reason: unknown) => isCurrent && setError(reason as Error),
    )
    return () => {
      isCurrent = false
    }
  }, [source, version, tries])

  const show = useCallback((unitId: string, mark: Mark | null) => {
    const next = new Map(current.current)
    if (mark === null) next.delete(unitId)
    else next.set(unitId, mark)
    current.current = next
    setMarks(next)
  }, [])

  const write = useCallback(
    (unitId: string, mark: Mark | null) => {
      const before = current.current?.get(unitId) ?? null
      show(unitId, mark)
      queue.current = queue.current.then(async () => {
        try {
          setProgress(await (mark === null ? source.clearMark(unitId) : source.saveMark(mark)))
          setError(undefined)
        } catch (reason) {
          show(unitId, before)
          setError(reason as Error)
        }
      })
      return before
    },
    [show, source],
  )

  return useMemo(
    () => ({
      of: marks,
      progress,
      error,
      save: (unitId, mark) => {
        const before = write(unitId, mark)
        setSteps((all) => [...all, { unitId, before }])
      },
      undo: () => {
        const last = steps.at(-1)
        if (last === undefined) return undefined
        setSteps(steps.slice(0, -1))
        write(last.unitId, last.before)
        return last.unitId
      },
      canUndo: steps.length > 0,
      retry: () => setTries((count) => count + 1),
    }),
    [marks, progress, error, steps, write],
  )
}
