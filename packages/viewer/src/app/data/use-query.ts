import { useEffect, useRef, useState } from 'react'

export interface Query<T> {
  /** The last answer, also while a new one is on its way. */
  data: T | undefined
  error: Error | undefined
  /** Whether `data` answers an earlier question. */
  isStale: boolean
  retry: () => void
}

/**
 * Asks when `key` changes, and again when `version` does. An answer that comes after the next question is dropped.
 */
export function useQuery<T>(key: string, version: number, ask: () => Promise<T>): Query<T> {
  const [answer, setAnswer] = useState<{ key: string; data: T | undefined; error: Error | undefined }>()
  const [tries, setTries] = useState(0)
  const latest = useRef(ask)
  latest.current = ask
  useEffect(() => {
    let isCurrent = true
    latest.current().then(
      (data) => {
        if (isCurrent) setAnswer({ key, data, error: undefined })
      },
      (error: unknown) => {
        if (isCurrent) setAnswer((last) => ({ key, data: last?.data, error: error as Error }))
      },
    )
    return () => {
      isCurrent = false
    }
  }, [key, version, tries])
  return {
    data: answer?.data,
    error: answer?.error,
    isStale: answer !== undefined && answer.key !== key,
    retry: () => setTries((count) => count + 1),
  }
}
