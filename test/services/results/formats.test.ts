import { describe, expect, test } from 'vitest'
import { destinationOf, type FormatFlags } from '../../../src/services/results/formats.ts'

const flags = (given: Partial<FormatFlags>): FormatFlags => ({
  format: undefined,
  file: undefined,
  rawCells: false,
  bom: false,
  isTerminal: false,
  isJson: false,
  ...given,
})

describe('the format of results', () => {
  test.each<[Partial<FormatFlags>, string, string | undefined]>([
    [{}, 'table', undefined],
    [{ file: '-' }, 'table', undefined],
    [{ file: '-', format: 'xlsx' }, 'xlsx', undefined],
    [{ format: 'parquet' }, 'parquet', undefined],
    [{ file: 'rows.CSV' }, 'csv', 'rows.CSV'],
    [{ file: 'a.b/rows.ndjson' }, 'jsonl', 'a.b/rows.ndjson'],
    [{ file: 'rows.parquet' }, 'parquet', 'rows.parquet'],
    [{ file: 'rows.geoparquet', isTerminal: true }, 'geoparquet', 'rows.geoparquet'],
    [{ file: 'rows.parquet', format: 'geoparquet' }, 'geoparquet', 'rows.parquet'],
    [{ file: 'rows.geojson', isJson: true }, 'geojson', 'rows.geojson'],
    // A pipe or a device has no extension.
    [{ file: '/dev/fd/63', format: 'csv', bom: true }, 'csv', '/dev/fd/63'],
  ])('for %o is %s', (given, format, file) => {
    expect(destinationOf(flags(given))).toEqual({ format, file })
  })

  test.each<[Partial<FormatFlags>, RegExp, string]>([
    [{ file: 'rows.xls' }, /-o rows\.xls has an unknown extension\. Known extensions: \.csv, \.jsonl,/, '-o rows.csv'],
    [{ file: 'rows.csv.gz' }, /unknown extension/, '-o rows.csv.csv'],
    [{ file: 'out/rows' }, /-o out\/rows has no extension that says the format/, '--format csv -o - > out/rows'],
    [{ file: '.csv' }, /no extension/, '--format csv -o - > .csv'],
    [{ file: 'rows.xlsx', format: 'csv' }, /-o rows\.xlsx does not end in \.csv,/, '-o rows.csv'],
    [{ file: 'rows.txt', format: 'jsonl' }, /does not end in \.jsonl or \.ndjson/, '-o rows.jsonl'],
    [{ file: 'rows.geoparquet', format: 'parquet' }, /does not end in \.parquet/, '-o rows.parquet'],
    [{ file: 'my rows.csv', format: 'table' }, /--format table cannot be written to a file/, "-o 'my rows.csv'"],
    [{ format: 'parquet', isTerminal: true }, /a terminal cannot show it/, '--format parquet -o results.parquet'],
    [{ format: 'xlsx', isJson: true }, /is not part of a JSON document/, '--format xlsx -o results.xlsx'],
    [{ file: '-', format: 'csv', isJson: true }, /--json and -o - both write to stdout/, '--json -o FILE'],
    [{ file: 'rows.jsonl', bom: true }, /--bom works only with --format csv, not jsonl/, '--format csv'],
    [{ rawCells: true }, /--raw-cells works only with --format csv, not table/, '--format csv'],
  ])('is refused for %o', (given, message, suggestion) => {
    let refused: unknown
    try {
      destinationOf(flags(given))
    } catch (error) {
      refused = error
    }
    expect(refused).toMatchObject({ code: 'INVALID_FLAG', message: expect.stringMatching(message) })
    expect((refused as { suggestions: string[] }).suggestions.join('\n')).toContain(suggestion)
  })
})
