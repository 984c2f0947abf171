import { afterAll, beforeAll, expect, test } from 'vitest'
import { failureKindsQuery, rawAnswersQuery } from '../../src/run-data/sql/ledger.ts'
import { totalsQuery } from '../../src/run-data/sql/totals.ts'
import { startBigQuery, type Harness } from '@imagery/local-cloud/test/bigquery/bigquery-fixture'

const tables = {
  projectId: 'demo',
  dataset: 'street',
  assets: 'units',
  attempts: 'rows',
  live: 'rows',
  source: 'none',
  results: 'none',
}

let harness: Harness
beforeAll(async () => {
  harness = await startBigQuery()
  await harness.client.createDataset('street')
  const text = ['unit_id', 'attempt_id', 'status', 'cause', 'error_message', 'raw_answer']
  const [table] = await harness.client.dataset('street').createTable('rows', {
    schema: [
      ...text.map((name) => ({ name, type: 'STRING' })),
      { name: 'repaired', type: 'BOOL' },
      { name: 'cost_usd', type: 'FLOAT64' },
      { name: 'generation', type: 'INT64' },
      { name: 'finished_at', type: 'TIMESTAMP' },
    ],
  })
  const [units] = await harness.client
    .dataset('street')
    .createTable('units', { schema: [{ name: 'unit_id', type: 'STRING' }] })
  const ids = 'a1 a2 a3 b1 b2 b3 c1 c2 e f1 f2 f3 never-asked'
  await units.insert(ids.split(' ').map((unit_id) => ({ unit_id })))
  const failed = (unit_id: string, cause: string, error_message: string | null, more = {}) => ({
    unit_id,
    attempt_id: unit_id,
    status: cause === 'throttled' ? 'throttled' : 'failed',
    cause,
    error_message,
    cost_usd: 0.5,
    ...more,
  })
  await table.insert([
    failed('a3', 'schema', 'the answer does not fit: kind is "Banana", not one of pole', {
      raw_answer: '{"kind": "Banana"}',
    }),
    failed('a2', 'schema', 'the answer does not fit: kind is "Apple", not one of pole', {
      raw_answer: '{"kind": "Apple"}',
    }),
    failed('a1', 'schema', 'the answer does not fit: kind is missing', { cost_usd: null }),
    failed('b1', 'unreadable_image', 'no readable image: gs://bucket/b1.jpg does not exist'),
    failed('b2', 'unreadable_image', 'no readable image: gs://bucket/b2.jpg does not exist'),
    failed('b3', 'unreadable_image', 'no readable image: gs://bucket/b3.jpg does not exist'),
    failed('f1', 'unreadable_image', 'no readable image: a b.jpg is not an image; signs/1.jpg does not exist'),
    failed('f2', 'unreadable_image', 'no readable image: 2.jpg is not an image; x\ny.jpg does not exist'),
    failed('f3', 'unreadable_image', 'no readable image: the table has no image of this asset'),
    failed('c1', 'model_error', 'm: HTTP 400 no'),
    failed('c2', 'model_error', 'm: HTTP 500 no'),
    failed('d1', 'throttled', null),
    { unit_id: 'e', attempt_id: 'e', status: 'ok', repaired: true, raw_answer: '{}}', cost_usd: null },
    { unit_id: 'c1', attempt_id: 'c1-before', status: 'retrying', cause: 'timeout', cost_usd: 0.25 },
  ])
})
afterAll(() => harness.close())

test('failures are grouped by cause and message, apart from URIs and quoted values, with a count and an example', async () => {
  const [rows] = await harness.client.query(failureKindsQuery(tables, 20))
  const found = (rows as { cause: string; units: number; unit_id: string; error_message: string | null }[]).map(
    ({ cause, units, unit_id, error_message }) => [cause, units, unit_id, error_message],
  )
  expect(found).toEqual([
    ['unreadable_image', 3, 'b1', 'no readable image: gs://bucket/b1.jpg does not exist'],
    ['schema', 2, 'a2', 'the answer does not fit: kind is "Apple", not one of pole'],
    ['unreadable_image', 2, 'f1', 'no readable image: a b.jpg is not an image; signs/1.jpg does not exist'],
    ['schema', 1, 'a1', 'the answer does not fit: kind is missing'],
    ['model_error', 1, 'c1', 'm: HTTP 400 no'],
    ['model_error', 1, 'c2', 'm: HTTP 500 no'],
    ['throttled', 1, 'd1', null],
    ['unreadable_image', 1, 'f3', 'no readable image: the table has no image of this asset'],
  ])
})

test('the exact answers are those of repaired and refused attempts', async () => {
  const [rows] = await harness.client.query(rawAnswersQuery(tables))
  expect(
    (rows as { unit_id: string; raw_answer: string }[]).map(({ unit_id, raw_answer }) => [unit_id, raw_answer]),
  ).toEqual([
    ['a2', '{"kind": "Apple"}'],
    ['a3', '{"kind": "Banana"}'],
    ['e', '{}}'],
  ])
})

test('the totals count every attempt and leave unknown costs out of the sum; a row of no unit of the run is apart', async () => {
  const [rows] = await harness.client.query(totalsQuery(tables))
  const found = (rows as Record<string, unknown>[]).map((row) =>
    ['status', 'cause', 'units', 'attempts', 'cost_usd', 'without_usage'].map((name) => row[name]),
  )
  expect(found).toHaveLength(6)
  expect(found).toEqual(
    expect.arrayContaining([
      ['failed', 'schema', 3, 3, 1, 1],
      ['failed', 'unreadable_image', 6, 6, 3, 0],
      ['failed', 'model_error', 2, 3, 1.25, 0],
      ['ok', null, 1, 1, 0, 1],
      ['pending', null, 1, 0, 0, 0],
      ['stray', 'throttled', 1, 1, 0.5, 0],
    ]),
  )
})
