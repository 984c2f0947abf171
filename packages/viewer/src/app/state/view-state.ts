import type { Filter } from '../../contract/filter.ts'
import type { ReviewPlan } from '../../contract/review.ts'
import { formatCondition, parseCondition } from './condition-text.ts'

export const SCREENS = ['overview', 'gallery', 'map', 'table', 'review', 'compare'] as const
export type Screen = (typeof SCREENS)[number]

export interface Sort {
  column: string
  descending: boolean
}

/** What a page shows, all of which its address holds. */
export interface ViewState {
  screen: Screen
  filter: Filter
  /** Null sorts by unit ID. */
  sort: Sort | null
  /** The column that colors the map. */
  color: string | null
  /** The columns of the table and the gallery; null for the usual ones. */
  columns: string[] | null
  /** The unit whose detail is open. */
  unit: string | null
  /** The rows that the detail steps through, by unit ID; null for the filtered and sorted rows. */
  among: Filter | null
  /** The place of that unit in the rows that the detail steps through, if it is known. */
  at: number | null
  /** What is drawn to review; null before a draw. */
  plan: ReviewPlan | null
}

export const START: ViewState = {
  screen: 'overview',
  filter: [],
  sort: null,
  color: null,
  columns: null,
  unit: null,
  among: null,
  at: null,
  plan: null,
}

/** Writes a state as the hash of an address: `#table?is.verdict=["good"]&sort=-width`. */
export function formatState(state: ViewState): string {
  const query = new URLSearchParams()
  for (const condition of state.filter) query.append(...formatCondition(condition))
  if (state.sort !== null) query.set('sort', (state.sort.descending ? '-' : '+') + state.sort.column)
  if (state.color !== null) query.set('color', state.color)
  for (const column of state.columns ?? []) query.append('column', column)
  if (state.unit !== null) query.set('unit', state.unit)
  if (state.unit !== null && state.among !== null) {
    query.set('among', '')
    for (const condition of state.among) {
      const [key, value] = formatCondition(condition)
      query.append(`among.${key}`, value)
    }
  }
  if (state.unit !== null && state.at !== null) query.set('at', String(state.at))
  if (state.plan !== null) query.set('draw', JSON.stringify(state.plan))
  const text = query.toString()
  return `#${state.screen}${text === '' ? '' : `?${text}`}`
}

function parsePlan(text: string | null): ReviewPlan | null {
  try {
    const { size, strata, seed, unmarked_only } = JSON.parse(text ?? '') as { [name: string]: unknown }
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 1 || typeof seed !== 'string') return null
    return { size, strata: typeof strata === 'string' ? strata : null, seed, unmarked_only: unmarked_only === true }
  } catch {
    return null
  }
}

function parseFilter(query: URLSearchParams, prefix: string): Filter {
  return [...query]
    .map(([key, text]) => (key.startsWith(prefix) ? parseCondition(key.slice(prefix.length), text) : null))
    .filter((condition) => condition !== null)
}

/** Reads a hash. What it cannot read is left out, so that an address that was cut off still opens. */
export function parseState(hash: string): ViewState {
  const [name = '', ...rest] = hash.replace(/^#/, '').split('?')
  const query = new URLSearchParams(rest.join('?'))
  const sort = query.get('sort')
  const columns = query.getAll('column')
  const at = query.get('at')
  return {
    screen: SCREENS.find((screen) => screen === name) ?? 'overview',
    filter: parseFilter(query, ''),
    sort: sort !== null && /^[-+]./.test(sort) ? { column: sort.slice(1), descending: sort.startsWith('-') } : null,
    color: query.get('color'),
    columns: columns.length === 0 ? null : columns,
    unit: query.get('unit') || null,
    among: query.has('among') ? parseFilter(query, 'among.') : null,
    at: at !== null && /^\d{1,9}$/.test(at) ? Number(at) : null,
    plan: parsePlan(query.get('draw')),
  }
}
