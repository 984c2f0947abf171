import { useSyncExternalStore } from 'react'
import type { Filter } from '../../contract/filter.ts'
import type { Sort } from '../state/view-state.ts'
import type { RowPages } from './row-pages.ts'
import { useShared } from './source-context.ts'

/** Returns the rows of a filter in an order. The component draws again when more of them are there. */
export function useRowPages(filter: Filter, sort: Sort | null): RowPages {
  const pages = useShared().rowPages(JSON.stringify([filter, sort]))
  useSyncExternalStore(pages.subscribe, pages.snapshot)
  return pages
}
