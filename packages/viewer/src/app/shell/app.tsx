import { useEffect, useMemo, useState } from 'react'
import type { Filter } from '../../contract/filter.ts'
import type { ResultsSource } from '../../contract/source.ts'
import { RowPages } from '../data/row-pages.ts'
import { SharedContext, type Shared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { Loading } from '../parts/empty.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Sort } from '../state/view-state.ts'
import { Shell } from './shell.tsx'

/** Lists of rows that are kept, so that Back finds them where they were. */
const KEPT_LISTS = 4

/** A live run can change many times a second; the page follows once in this time. */
const REFRESH_MS = 1000

function makeRowPages(source: ResultsSource): { of: (question: string) => RowPages; changed: () => void } {
  const lists = new Map<string, RowPages>()
  return {
    of: (question) => {
      const [filter, sort] = JSON.parse(question) as [Filter, Sort | null]
      const pages = lists.get(question) ?? new RowPages(source, filter, sort)
      lists.delete(question)
      lists.set(question, pages)
      for (const oldest of lists.keys()) {
        if (lists.size <= KEPT_LISTS) break
        lists.delete(oldest)
      }
      return pages
    },
    changed: () => lists.forEach((pages) => pages.rowsChanged()),
  }
}

/** The whole app over a source of results. */
export function App({ source }: { source: ResultsSource }) {
  const [version, setVersion] = useState(0)
  const lists = useMemo(() => makeRowPages(source), [source])
  const { data: run, error, retry } = useQuery('run', version, () => source.run())

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const end = source.onChange(() => {
      timer ??= setTimeout(() => {
        timer = undefined
        lists.changed()
        setVersion((count) => count + 1)
      }, REFRESH_MS)
    })
    return () => {
      clearTimeout(timer)
      end()
    }
  }, [source, lists])

  const shared = useMemo<Shared | null>(
    () => (run === undefined ? null : { source, run, version, rowPages: lists.of }),
    [source, run, version, lists],
  )
  if (shared === null) {
    return (
      <main className="alone">
        {error === undefined ? <Loading what="the run" /> : <Problem error={error} retry={retry} />}
      </main>
    )
  }
  return (
    <SharedContext value={shared}>
      <Shell connectionError={error} retry={retry} />
    </SharedContext>
  )
}
