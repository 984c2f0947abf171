import { columnNames } from './column-names.ts'
import type { SourceField } from './columns.ts'
import type { FileRow } from './csv-rows.ts'
import { coordinateIndexes, type CoordinateIndexes } from './location-headers.ts'
import { LOCATION, locationGuess, pointRank } from './location-value.ts'
import { PointObserver, type Unplaced } from './point-observer.ts'
import { shapeField, UNKNOWN, widened, type Shape } from './json-shape.ts'

/** How a column's values become BigQuery's. */
export type TextColumn = { field: SourceField; index: number } & (
  | { as: 'text' }
  | { as: 'time' }
  | { as: 'shape'; shape: Shape }
)

/** The columns of a file, and where its location comes from: one column, or a latitude and a longitude. */
export interface TextColumns {
  columns: readonly TextColumn[]
  location: { index: number } | CoordinateIndexes | undefined
  /** A sentence about the columns of the location, if they were guessed. */
  guess: string | undefined
  /** Without a location, what may have one, and cannot be used. */
  unplaced: readonly Unplaced[]
  /** Columns that BigQuery has no room for. */
  leftOut: number
}

const IDS = new Set(['observation_id', 'snapshot_id'])
const TIMES = new Set(['detection_time', 'capture_time'])

/** BigQuery's limit is 10,000 (https://cloud.google.com/bigquery/quotas#all_tables). The rest is for the location. */
const MOST_COLUMNS = 9_900

/** Learns from the rows of a file which columns it has, and what their values have in common. */
export class ColumnObserver {
  readonly #shapes: Shape[] = []
  readonly #points = new PointObserver()

  add({ values }: FileRow, headers: readonly string[]): void {
    for (const [index, value] of values.entries()) {
      this.#shapes[index] = widened(this.#shapes[index] ?? UNKNOWN, value)
      this.#points.add(value, index, headers[index]!)
    }
    this.#points.addRow(values, headers)
  }

  /**
   * @param areTyped whether numbers and booleans keep their type: JSON tells them from text, and CSV does not
   */
  columns(headers: readonly string[], areTyped: boolean): TextColumns {
    const shapes = headers.map((_, index): Shape => (areTyped && this.#shapes[index]) || { kind: 'text' })
    const coordinates = coordinateIndexes(headers)
    const pointIndex = this.#points.column(headers, coordinates !== undefined) ?? -1
    const location = pointIndex >= 0 ? { index: pointIndex } : coordinates
    const used =
      location &&
      ('index' in location ? [location.index] : [location.latitude, location.longitude]).map((index) => headers[index]!)
    const names = columnNames(withoutLocation(headers, location, pointIndex))
    const fitting = fittingShapes(shapes)
    const columns = headers.flatMap((header, index): TextColumn[] => {
      const isReplaced = index === pointIndex && pointRank(header) === 0
      if (isReplaced || index >= MOST_COLUMNS) return []
      const name = names[index]!
      const shown = name === header ? {} : { header }
      const lower = name.toLowerCase()
      if (TIMES.has(lower)) return [{ field: { name, type: 'TIMESTAMP', ...shown }, index, as: 'time' }]
      if (IDS.has(lower)) return [{ field: { name, type: 'STRING', ...shown }, index, as: 'text' }]
      const shape = fitting[index]!
      return [{ field: { ...shapeField(name, shape), ...shown }, index, as: 'shape', shape }]
    })
    return {
      columns,
      location,
      guess: used && locationGuess(used),
      unplaced: used ? [] : this.#points.unplaced(headers, names),
      leftOut: Math.max(0, headers.length - MOST_COLUMNS),
    }
  }
}

/** The file's location takes its name, so that another column with it gets one of its own. */
function withoutLocation(
  headers: readonly string[],
  location: TextColumns['location'],
  pointIndex: number,
): readonly string[] {
  if (location === undefined) return headers
  const names = columnNames(headers)
  return headers.map((header, index) =>
    index !== pointIndex && names[index]!.toLowerCase() === LOCATION ? `${names[index]}_text` : header,
  )
}

/** Members count as columns too. A file with too many keeps its records as JSON text. */
function fittingShapes(shapes: readonly Shape[]): Shape[] {
  const count = (shape: Shape): number =>
    shape.kind === 'record'
      ? [...shape.members.values()].reduce((sum, member) => sum + count(member), 1)
      : shape.kind === 'list'
        ? count(shape.element)
        : 1
  const fits = shapes.reduce((sum, shape) => sum + count(shape), 0) <= MOST_COLUMNS
  return shapes.map((shape) => (fits || count(shape) === 1 ? shape : { kind: 'text' }))
}
