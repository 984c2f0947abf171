import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { formatState, parseState, type ViewState } from './view-state.ts'

export type Change = Partial<ViewState> | ((state: ViewState) => Partial<ViewState>)

/**
 * Changes what the page shows. `replace` adds no entry to the history: for changes that Back should not stop at, such as
 * each letter of a search.
 */
export type ChangeView = (change: Change, how?: 'replace') => void

const listeners = new Set<() => void>()

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('hashchange', listener)
  window.addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('hashchange', listener)
    window.removeEventListener('popstate', listener)
  }
}

/** Returns what the address says, and a function that changes it. */
export function useViewState(): [ViewState, ChangeView] {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash)
  const state = useMemo(() => parseState(hash), [hash])
  const change = useCallback<ChangeView>((wanted, how) => {
    const now = parseState(window.location.hash)
    const next = { ...now, ...(typeof wanted === 'function' ? wanted(now) : wanted) }
    const address = formatState(next)
    if (address === window.location.hash) return
    if (how === 'replace') window.history.replaceState(null, '', address)
    else window.history.pushState(null, '', address)
    for (const listener of listeners) listener()
  }, [])
  return [state, change]
}
