import { useEffect, useState } from 'react'
import { useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { Detail } from '../detail/detail.tsx'
import { Problem } from '../parts/problem.tsx'
import { useViewState } from '../state/use-view-state.ts'
import { Facets } from './facets.tsx'
import { FilterBar } from './filter-bar.tsx'
import { Header } from './header.tsx'
import { Help } from './help.tsx'
import { isTyping } from './keys.ts'
import { ScreenView } from './screen-view.tsx'
import { useSummaries } from './use-summaries.ts'

/** The frame around every screen: header, filter, charts beside the screen, detail and help. */
export function Shell({ connectionError, retry }: { connectionError: Error | undefined; retry: () => void }) {
  const { source, run } = useShared()
  const [state, change] = useViewState()
  const [isHelpOpen, setHelpOpen] = useState(false)
  const [hasFacets, setHasFacets] = useState(() => matchMedia('(min-width: 901px)').matches)
  const summaries = useSummaries(state.filter)
  const comparison = useQuery('comparison', 0, () => source.comparison())

  useEffect(() => {
    document.title = `${run.run_id} · imagery`
  }, [run.run_id])

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      if (event.key === '?') setHelpOpen((isOpen) => !isOpen)
      else if (event.key === '/' && document.querySelector('dialog[open]') === null) {
        event.preventDefault()
        document.getElementById('search')?.focus()
      }
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  }, [])

  const filters = state.screen !== 'review' && state.screen !== 'compare'
  const canHaveFacets = filters && state.screen !== 'overview'
  return (
    <div className={`shell screen-${state.screen}`}>
      <a className="skip" href="#main" onClick={(event) => focusMain(event)}>
        Skip to the content
      </a>
      <Header
        screen={state.screen}
        change={change}
        // An error is for its screen to show.
        hasComparison={comparison.error !== undefined || (comparison.data !== undefined && comparison.data !== null)}
        openHelp={() => setHelpOpen(true)}
      />
      {connectionError !== undefined && <Problem error={connectionError} retry={retry} />}
      {filters && (
        <FilterBar
          filter={state.filter}
          change={change}
          summary={summaries.filtered}
          isStale={summaries.isStale}
          facets={canHaveFacets ? { isOpen: hasFacets, toggle: () => setHasFacets((isOpen) => !isOpen) } : undefined}
        />
      )}
      <div className="body">
        {canHaveFacets && hasFacets && <Facets summaries={summaries} filter={state.filter} change={change} />}
        <main id="main" tabIndex={-1}>
          <ScreenView state={state} change={change} summaries={summaries} comparison={comparison} />
        </main>
      </div>
      {state.unit !== null && <Detail unitId={state.unit} at={state.at} state={state} change={change} />}
      {isHelpOpen && <Help close={() => setHelpOpen(false)} />}
    </div>
  )
}

/** The hash is the page's state, so a link to `#main` must not change it. */
function focusMain(event: { preventDefault: () => void }): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}
