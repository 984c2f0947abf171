import type { HistogramChart } from '@imagery/viewer/contract/source'
import type { CodedColumn, RangeCoding } from './about.ts'

/** The kept rows of one part of a column's range. */
export interface Part {
  /** The part's place in `bounds`. */
  index: number
  rows: number
}

/** The least and the greatest value of the kept rows, and their sum. */
export interface Figures {
  min: number
  max: number
  sum: number
}

/**
 * Returns the chart of a number or a time: each part lies within one bin.
 *
 * @param counted.parts in their order
 */
export function histogramChart(
  column: CodedColumn,
  { bins: edges, bounds }: RangeCoding,
  counted: { parts: readonly Part[]; missing: number; figures: Figures | undefined; median: number | undefined },
): HistogramChart {
  const { parts, missing, figures, median } = counted
  const bins = edges.map((bin) => ({ ...bin, rows: 0 }))
  let at = 0
  for (const { index, rows } of parts) {
    while (at < bins.length - 1 && bounds[index]! >= bins[at]!.to) at += 1
    bins[at]!.rows += rows
  }
  const total = parts.reduce((sum, { rows }) => sum + rows, 0)
  return {
    column: column.column.name,
    type: 'histogram',
    bins,
    missing,
    min: figures?.min ?? null,
    max: figures?.max ?? null,
    mean: figures ? figures.sum / total : null,
    median: median ?? null,
  }
}

/** Returns the figures of a column whose parts have one value each; undefined without rows. */
export function exactFigures({ bounds }: RangeCoding, parts: readonly Part[]): Figures | undefined {
  const [first, last] = [parts[0], parts.at(-1)]
  if (!first || !last) return undefined
  const sum = parts.reduce((total, { index, rows }) => total + bounds[index]! * rows, 0)
  return { min: bounds[first.index]!, max: bounds[last.index]!, sum }
}
