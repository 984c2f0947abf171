import type { Filter } from '../../contract/filter.ts'
import type { Summary } from '../../contract/source.ts'
import { useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'

/** Counts of the whole run, and of what the filter keeps. */
export interface Summaries {
  all: Summary | undefined
  filtered: Summary | undefined
  /** Whether `filtered` is of an earlier filter. */
  isStale: boolean
  error: Error | undefined
  retry: () => void
}

export function useSummaries(filter: Filter): Summaries {
  const { source, version } = useShared()
  const all = useQuery('[]', version, () => source.summary([]))
  const key = JSON.stringify(filter)
  const some = useQuery(key, version, () => (filter.length === 0 ? Promise.resolve(null) : source.summary(filter)))
  const isStale = some.isStale || some.data === undefined
  return {
    all: all.data,
    filtered: filter.length === 0 ? all.data : (some.data ?? undefined),
    isStale: filter.length > 0 && isStale,
    error: all.error ?? some.error,
    retry: () => {
      all.retry()
      some.retry()
    },
  }
}
