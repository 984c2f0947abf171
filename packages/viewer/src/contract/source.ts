import type { Row, Value } from './columns.ts'
import type { Comparison } from './comparison.ts'
import type { Filter } from './filter.ts'
import type { Mark, ReviewPlan, ReviewProgress } from './review.ts'
import type { ViewedRun } from './run.ts'
import type { SourceError } from './source-error.ts'

/**
 * Where the app gets its data. `imagery view` serves it over HTTP from DuckDB; a report carries its rows and answers from
 * memory. Both give the same answers: a test compares them.
 */
export interface ResultsSource {
  run(): Promise<ViewedRun>
  summary(filter: Filter): Promise<Summary>
  page(request: PageRequest): Promise<Page>
  points(filter: Filter, color: string | null): Promise<Points>
  unit(unitId: string): Promise<UnitDetail>
  /** Returns the address of an image, or null if the report does not have it. */
  imageUrl(unitId: string, index: number, size: ImageSize): string | null
  /** Says why the image at an address of `imageUrl` cannot be shown. Never rejects. */
  imageFault(address: string): Promise<SourceError>
  marks(): Promise<Mark[]>
  saveMark(mark: Mark): Promise<ReviewProgress>
  /** Removes the marks of a unit. */
  clearMark(unitId: string): Promise<ReviewProgress>
  reviewProgress(): Promise<ReviewProgress>
  /** Draws units to review, in the order in which to show them. The same plan draws the same units. */
  drawReview(plan: ReviewPlan): Promise<string[]>
  /** Returns how this run and a second one compare, or null without a second run. */
  comparison(): Promise<Comparison | null>
  /** Returns the address of a file with the rows that a filter keeps, or null if there is no server that writes one. */
  exportUrl(format: ExportFormat, filter: Filter, columns: string[]): string | null
  /** Returns the address of a file with all marks, or null if there is no server that writes one. */
  marksExportUrl(format: ExportFormat): string | null
  /** Calls back when rows changed. Returns a function that ends this. */
  onChange(callback: () => void): () => void
}

/** A `thumbnail` is at most 320 pixels wide and high. */
export type ImageSize = 'thumbnail' | 'full'

export type ExportFormat = 'csv' | 'jsonl'

/** Counts and charts of the rows that a filter keeps. */
export interface Summary {
  rows: number
  ok: number
  failed: number
  cost_usd: number
  /** One per column with a chart, in the order of the run's columns. */
  charts: Chart[]
}

export type Chart = BarsChart | HistogramChart

/** For `enum`, `boolean` and `text`. All rows count: those with a value, `missing` and `other`. */
export interface BarsChart {
  column: string
  type: 'bars'
  /** In the profile's order for an enum; else most common first, then by value. At most 20. */
  bars: { value: string | boolean; rows: number }[]
  /** Rows without a value. */
  missing: number
  /** Rows of all further values, and the number of those values. */
  other: { rows: number; values: number }
}

/** For `number` and `time`. */
export interface HistogramChart {
  column: string
  type: 'histogram'
  /** Of equal width over all rows of the run, so that bins stay when a filter changes; the last includes its `to`. */
  bins: { from: number; to: number; rows: number }[]
  missing: number
  /** Of the rows that the filter keeps; null without a value. */
  min: number | null
  max: number | null
  mean: number | null
  median: number | null
}

export interface PageRequest {
  filter: Filter
  /** By a column, then by unit ID. Without, by unit ID. */
  sort: { column: string; descending: boolean } | null
  offset: number
  /** At most 500. */
  limit: number
}

export interface Page {
  /** All rows that the filter keeps. */
  total: number
  rows: PageRow[]
}

export interface PageRow {
  unit_id: string
  asset_id: string | null
  status: string
  values: Row
  /** The number of images. */
  images: number
}

/** Locations of the rows that a filter keeps, as columns of equal length. */
export interface Points {
  unit_ids: string[]
  longitudes: number[]
  latitudes: number[]
  /** The value of the color column; null without one. */
  values: (string | number | boolean | null)[]
  /** Whether only an even part of the points is here, because there are too many. */
  is_sample: boolean
}

export interface UnitDetail {
  unit_id: string
  asset_id: string | null
  status: string
  location: { longitude: number; latitude: number } | null
  values: Row
  images: { observation_id: string | null; gcs_uri: string; console_url: string | null }[]
  /** Oldest first. Empty if only the current answer is known. */
  attempts: UnitAttempt[]
  mark: Mark | null
  /** The command that prints this unit. */
  command: string
  /** The query that returns the unit's row. */
  sql: string
}

export interface UnitAttempt {
  attempt_id: string
  status: string
  cause: string | null
  error_message: string | null
  answer: Row
  raw_answer: string | null
  model_version: string | null
  prompt_tokens: number | null
  output_tokens: number | null
  thought_tokens: number | null
  cost_usd: number | null
  latency_ms: number | null
  started_at: string
  extra: Record<string, Value>
}
