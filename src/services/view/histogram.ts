import type { HistogramChart } from '@imagery/viewer/contract/source'
import type { CodedColumn, Coding } from './about.ts'

/** The kept rows of one part of a column's range. */
export interface Part {
  /** The part's place in `bounds`. */
  index: number
  rows: number
  min: number
  max: number
  sum: number
}

/** Returns the chart of a number or a time: each part lies within one bin. */
export function histogramChart(
  column: CodedColumn,
  { bins: edges, bounds }: Extract<Coding, { by: 'range' }>,
  { parts, missing, median }: { parts: readonly Part[]; missing: number; median: number | null },
): HistogramChart {
  const sorted = parts.toSorted((a, b) => a.index - b.index)
  const bins = edges.map((bin) => ({ ...bin, rows: 0 }))
  let at = 0
  for (const { index, rows } of sorted) {
    while (at < bins.length - 1 && bounds[index]! >= bins[at]!.to) at += 1
    bins[at]!.rows += rows
  }
  const total = parts.reduce((sum, { rows }) => sum + rows, 0)
  return {
    column: column.column.name,
    type: 'histogram',
    bins,
    missing,
    min: sorted[0]?.min ?? null,
    max: sorted.at(-1)?.max ?? null,
    mean: total === 0 ? null : parts.reduce((sum, part) => sum + part.sum, 0) / total,
    median,
  }
}
