import { BigQuery } from '@google-cloud/bigquery'
import { describe, expect, test } from 'vitest'
import { plainValue } from '../../../src/google/bigquery/plain-value.ts'

/** How the official client decodes a row's values, with its own schema merging. */
function fromClient(fields: object[], values: unknown[]): unknown[] {
  const f = values.map((v) => ({ v }))
  return BigQuery.mergeSchemaWithRows_({ fields }, [{ f }], { wrapIntegers: false }) as unknown[]
}

describe('a value of the BigQuery client', () => {
  test('becomes plain JSON', () => {
    const fields = [
      { name: 'time', type: 'TIMESTAMP' },
      { name: 'day', type: 'DATE' },
      { name: 'clock', type: 'TIME' },
      { name: 'civil', type: 'DATETIME' },
      { name: 'place', type: 'GEOGRAPHY' },
      { name: 'price', type: 'NUMERIC' },
      { name: 'bytes', type: 'BYTES' },
      { name: 'count', type: 'INTEGER' },
      { name: 'share', type: 'FLOAT' },
      { name: 'flag', type: 'BOOLEAN' },
      { name: 'nothing', type: 'STRING' },
      { name: 'times', type: 'TIMESTAMP', mode: 'REPEATED' },
      {
        name: 'nested',
        type: 'RECORD',
        fields: [
          { name: 'value', type: 'STRING' },
          { name: 'day', type: 'DATE' },
        ],
      },
    ]
    const rows = fromClient(fields, [
      '1763892000000000',
      '2026-11-23',
      '10:00:00',
      '2026-11-23T10:00:00',
      'POINT(1 2)',
      '12.50',
      'AAEC',
      '7',
      '0.25',
      'true',
      null,
      [{ v: '1763892000000000' }],
      { f: [{ v: 'a column named value' }, { v: '2026-11-23' }] },
    ])
    expect(plainValue(rows)).toEqual([
      {
        time: '2025-11-23T10:00:00.000Z',
        day: '2026-11-23',
        clock: '10:00:00',
        civil: '2026-11-23T10:00:00',
        place: 'POINT(1 2)',
        price: '12.5',
        bytes: 'AAEC',
        count: 7,
        share: 0.25,
        flag: true,
        nothing: null,
        times: ['2025-11-23T10:00:00.000Z'],
        nested: { value: 'a column named value', day: '2026-11-23' },
      },
    ])
    expect(JSON.parse(JSON.stringify(plainValue(rows)))).toEqual(plainValue(rows))
  })
})
