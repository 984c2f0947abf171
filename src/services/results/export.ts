import type { TableField } from '../../google/bigquery/bigquery.ts'
import type { FileFormat } from './formats.ts'
import { parquetPieces } from './parquet.ts'
import type { ChosenRows, Row } from './read-rows.ts'
import { csvPieces, geoJsonPieces, jsonLinePieces, type CsvFlags } from './text-pieces.ts'
import { xlsxPieces, type CutCells } from './xlsx.ts'

/** A file's content, and what was found while it was made: read it after the last piece. */
export interface Export {
  pieces: AsyncIterable<string | Buffer>
  counted: { rows: number }
  cut: CutCells
}

/** Turns rows into the content of a file. Nothing is read before the first piece is asked for. */
export function exported(format: FileFormat, { fields, total, pages }: ChosenRows, options: CsvFlags): Export {
  const counted = { rows: 0 }
  const cut: CutCells = { cells: 0, first: undefined }
  const rows = counting(pages, counted)
  return { pieces: piecesOf(format, fields, { pages: rows, total }, { ...options, cut }), counted, cut }
}

function piecesOf(
  format: FileFormat,
  fields: readonly TableField[],
  rows: { pages: AsyncIterable<Row[]>; total: number },
  { cut, ...csv }: CsvFlags & { cut: CutCells },
): AsyncIterable<string | Buffer> {
  switch (format) {
    case 'csv':
      return csvPieces(fields, rows.pages, csv)
    case 'jsonl':
      return jsonLinePieces(rows.pages)
    case 'geojson':
      return geoJsonPieces(fields, rows.pages)
    case 'xlsx':
      return xlsxPieces(fields, rows, cut)
    case 'parquet':
    case 'geoparquet':
      return parquetPieces(fields, rows.pages, { isGeo: format === 'geoparquet' })
  }
}

async function* counting(pages: AsyncIterable<Row[]>, counted: { rows: number }): AsyncGenerator<Row[]> {
  for await (const page of pages) {
    counted.rows += page.length
    yield page
  }
}
