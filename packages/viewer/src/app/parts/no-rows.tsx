import type { Filter } from '../../contract/filter.ts'
import { useShared } from '../data/source-context.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import { Empty } from './empty.tsx'

/** In the place of a list without rows. */
export function NoRows({ filter, change }: { filter: Filter; change: ChangeView }) {
  const { run } = useShared()
  if (filter.length === 0) {
    return (
      <Empty title="No rows yet">
        <p>{run.is_live ? 'They appear here as soon as the first assets have answers.' : 'This run has no results.'}</p>
      </Empty>
    )
  }
  return (
    <Empty title="No row fits the filter">
      <p>Remove a condition above, or all of them.</p>
      <button type="button" onClick={() => change({ filter: [] })}>
        Clear the filter
      </button>
    </Empty>
  )
}
