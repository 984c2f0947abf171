import type { Comparison } from '../../contract/comparison.ts'
import { CompareScreen } from '../compare/compare-screen.tsx'
import type { Query } from '../data/use-query.ts'
import { GalleryScreen } from '../gallery/gallery-screen.tsx'
import { MapScreen } from '../map/map-screen.tsx'
import { Overview } from '../overview/overview.tsx'
import { ReviewScreen } from '../review/review-screen.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { TableScreen } from '../table/table-screen.tsx'
import type { Summaries } from './use-summaries.ts'

interface Props {
  state: ViewState
  change: ChangeView
  summaries: Summaries
  comparison: Query<Comparison | null>
}

/** The screen that the address names. */
export function ScreenView({ state, change, summaries, comparison }: Props) {
  switch (state.screen) {
    case 'gallery':
      return <GalleryScreen state={state} change={change} />
    case 'map':
      return <MapScreen state={state} change={change} summaries={summaries} />
    case 'compare':
      return <CompareScreen comparison={comparison} change={change} />
    case 'review':
      return <ReviewScreen state={state} change={change} />
    case 'table':
      return <TableScreen state={state} change={change} />
    case 'overview':
      return <Overview state={state} change={change} summaries={summaries} />
  }
}
