import type { Comparison } from '../../contract/comparison.ts'
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
export function ScreenView({ state, change, summaries }: Props) {
  switch (state.screen) {
    case 'gallery':
      return <GalleryScreen state={state} change={change} />
    case 'map':
      return <MapScreen state={state} change={change} summaries={summaries} />
    case 'review':
      return <ReviewScreen state={state} change={change} />
    case 'table':
      return <TableScreen state={state} change={change} />
    default:
      return <Overview state={state} change={change} summaries={summaries} />
  }
}
