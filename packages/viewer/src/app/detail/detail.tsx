import { useEffect, useLayoutEffect } from 'react'
import { findRow } from '../data/find-row.ts'
import { useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { useRowPages } from '../data/use-row-pages.ts'
import { count } from '../format/numbers.ts'
import { Loading } from '../parts/empty.tsx'
import { Icon } from '../parts/icon.tsx'
import { Modal } from '../parts/modal.tsx'
import { Problem } from '../parts/problem.tsx'
import { isTyping } from '../shell/keys.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { UnitView } from './unit-view.tsx'

interface Props {
  unitId: string
  /** Its place in the rows, if it was opened from a list. */
  at: number | null
  state: ViewState
  change: ChangeView
}

const STEPS: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1, J: 1, K: -1 }

/** Everything about one unit, over the screen that it was opened from. */
export function Detail({ unitId, at, state, change }: Props) {
  const { source, version } = useShared()
  const sort = state.among === null ? state.sort : null
  const pages = useRowPages(state.among ?? state.filter, sort)
  const { data, error, isStale, retry } = useQuery(unitId, version, () => source.unit(unitId))
  const total = pages.total
  useEffect(() => {
    if (at !== null) pages.need(at - 1, at + 1)
  }, [pages, at])

  // Opened from a map or an example, or by an address: in the usual order, its place can be found.
  const isSorted = sort !== null
  useEffect(() => {
    if (at !== null || isSorted) return
    let isCurrent = true
    findRow(pages, unitId).then(
      (found) => {
        if (isCurrent && found !== null) change({ at: found }, 'replace')
      },
      // Without a place there are no neighbors to go to; the rest of the detail is there.
      () => undefined,
    )
    return () => {
      isCurrent = false
    }
  }, [pages, unitId, at, isSorted, change])

  // A live run can move a unit, and an address can be old: the place counts only if the unit is there.
  const place = at !== null && pages.row(at)?.unit_id === unitId ? at : null
  const go = async (step: number): Promise<void> => {
    if (place === null || place + step < 0 || (total !== undefined && place + step >= total)) return
    const row = await pages.rowAt(place + step)
    if (row !== undefined) change({ unit: row.unit_id, at: place + step }, 'replace')
  }
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const step = STEPS[event.key]
      if (step === undefined || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
      event.preventDefault()
      void go(step)
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  })

  const tools = place !== null && total !== undefined && (
    <div className="steps">
      <button
        type="button"
        className="icon"
        aria-label="Previous asset"
        title="Previous (←)"
        disabled={place === 0}
        onClick={() => void go(-1)}
      >
        <Icon name="previous" />
      </button>
      <span className="muted">
        {count(place + 1)} of {count(total)}
      </span>
      <button
        type="button"
        className="icon"
        aria-label="Next asset"
        title="Next (→)"
        disabled={place + 1 >= total}
        onClick={() => void go(1)}
      >
        <Icon name="next" />
      </button>
    </div>
  )
  return (
    <Modal title={unitId} className="detail" tools={tools} close={() => change({ unit: null, among: null, at: null })}>
      {error !== undefined && !isStale && <Problem error={error} retry={retry} />}
      {data === undefined && error === undefined && <Loading what="the asset" />}
      {data !== undefined && (error === undefined || isStale) && <UnitView key={data.unit_id} unit={data} />}
    </Modal>
  )
}
