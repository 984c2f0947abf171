import type { TableField } from '../../google/bigquery/bigquery.ts'
import { isNumeric } from './columns.ts'
import { csvLine } from './csv.ts'
import { LOCATION, pointOf } from './geometry.ts'
import type { Row } from './read-rows.ts'

/** UTF-8's byte order mark, by which Excel knows that a CSV file is UTF-8. */
const BYTE_ORDER_MARK = '\ufeff'

export interface CsvFlags {
  /** Leaves text unchanged that a spreadsheet would run as a formula. */
  rawCells: boolean
  bom: boolean
}

/** Yields rows as CSV with a heading, one piece per page. */
export async function* csvPieces(
  fields: readonly TableField[],
  pages: AsyncIterable<Row[]>,
  { rawCells: raw, bom }: CsvFlags,
): AsyncGenerator<string> {
  const names = fields.map(({ name }) => name ?? '')
  const numbers = fields.map(isNumeric)
  const options = { raw, isNumeric: (column: number): boolean => numbers[column] ?? false }
  yield `${bom ? BYTE_ORDER_MARK : ''}${csvLine(names, { raw })}`
  for await (const page of pages) yield page.map((row) => csvLine(rowValues(names, row), options)).join('')
}

function rowValues(names: readonly string[], row: Row): unknown[] {
  return names.map((name) => row[name])
}

/** Yields rows as JSON Lines (https://jsonlines.org), one piece per page. */
export async function* jsonLinePieces(pages: AsyncIterable<Row[]>): AsyncGenerator<string> {
  for await (const page of pages) yield page.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/**
 * Yields rows as a GeoJSON collection (https://www.rfc-editor.org/rfc/rfc7946), one piece per page: a point in WGS 84 for
 * each row with a place, and a feature without geometry for the others.
 *
 * @param pages rows with `location` and `unit_id`, also when these columns are not shown
 */
export async function* geoJsonPieces(
  fields: readonly TableField[],
  pages: AsyncIterable<Row[]>,
): AsyncGenerator<string> {
  const names = fields.map(({ name }) => name ?? '').filter((name) => name !== LOCATION)
  yield '{"type":"FeatureCollection","features":['
  let separator = '\n'
  for await (const page of pages) {
    const features = page.map((row) => JSON.stringify(feature(names, row)))
    if (features.length === 0) continue
    yield `${separator}${features.join(',\n')}`
    separator = ',\n'
  }
  yield '\n]}\n'
}

function feature(names: readonly string[], row: Row): object {
  const coordinates = pointOf(row)
  return {
    type: 'Feature',
    ...(typeof row['unit_id'] === 'string' ? { id: row['unit_id'] } : {}),
    geometry: coordinates === undefined ? null : { type: 'Point', coordinates },
    properties: Object.fromEntries(names.map((name) => [name, row[name]])),
  }
}
