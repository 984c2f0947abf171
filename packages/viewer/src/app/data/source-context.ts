import { createContext, useContext } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { ViewedRun } from '../../contract/run.ts'
import type { ResultsSource } from '../../contract/source.ts'
import type { RowPages } from './row-pages.ts'

/** What all screens share. */
export interface Shared {
  source: ResultsSource
  run: ViewedRun
  /** Increases when rows changed. */
  version: number
  /** Returns the rows of a filter in an order: the same object for the same question. */
  rowPages: (question: string) => RowPages
}

export const SharedContext = createContext<Shared | null>(null)

export function useShared(): Shared {
  const shared = useContext(SharedContext)
  if (shared === null) throw new Error('a screen is outside of the app')
  return shared
}

export function useColumn(name: string | null): ViewedColumn | undefined {
  return useShared().run.columns.find((column) => column.name === name)
}
