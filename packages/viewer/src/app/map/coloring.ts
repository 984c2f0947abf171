import { axisNumber } from '../../contract/axis.ts'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { Chart } from '../../contract/source.ts'
import { CATEGORIES, NOTHING, OTHER, sequential } from '../format/palettes.ts'
import type { Plain } from '../state/filters.ts'

export type Coloring =
  | { kind: 'one'; color: string }
  | { kind: 'categories'; column: ViewedColumn; entries: { value: Plain; color: string }[]; hasOther: boolean }
  | { kind: 'scale'; column: ViewedColumn; min: number; max: number }

export const ONE_COLOR: Coloring = { kind: 'one', color: CATEGORIES[0] }

/**
 * Gives each value of a column its color. It comes from the chart of the whole run, so that a filter changes no color.
 */
export function coloringOf(column: ViewedColumn | undefined, chart: Chart | undefined): Coloring {
  if (column === undefined || chart === undefined) return ONE_COLOR
  if (chart.type === 'histogram') {
    return chart.min === null || chart.max === null
      ? ONE_COLOR
      : { kind: 'scale', column, min: chart.min, max: chart.max }
  }
  // A profile can allow many values that no row has.
  const used = chart.bars.filter(({ rows }) => rows > 0)
  const common = new Set(used.toSorted((a, b) => b.rows - a.rows).slice(0, CATEGORIES.length))
  const entries: { value: Plain; color: string }[] = used
    .filter((bar) => common.has(bar))
    .map(({ value }, index) => ({ value, color: CATEGORIES[index] ?? OTHER }))
  if (chart.missing > 0) entries.push({ value: null, color: NOTHING })
  const hasOther = used.length > CATEGORIES.length || chart.other.values > 0
  return { kind: 'categories', column, entries, hasOther }
}

/** Returns the color of each value. */
export function colorFunction(coloring: Coloring): (value: Plain) => string {
  if (coloring.kind === 'one') return () => coloring.color
  if (coloring.kind === 'categories') {
    const colors = new Map(coloring.entries.map(({ value, color }) => [value, color]))
    return (value) => colors.get(value) ?? OTHER
  }
  const { column, min, max } = coloring
  return (value) => {
    const number = axisNumber(value, column.kind)
    if (!Number.isFinite(number)) return NOTHING
    return sequential(max === min ? 0.5 : (number - min) / (max - min))
  }
}
