import { Discovery } from 'googleapis-common'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

/** What a client built from a discovery document looks like. */
type Built = Record<string, Record<string, (parameters: object) => Promise<{ data: Record<string, unknown> }>>>

let harness: Harness
beforeAll(async () => {
  harness = await startBigQuery()
  await harness.client.createDataset('street')
  const [table] = await harness.client
    .dataset('street')
    .createTable('signs', { schema: [{ name: 'id', type: 'STRING' }] })
  await table.insert([{ id: 'a' }, { id: 'b' }])
})
afterAll(() => harness.close())

/** `bq --api=URL` asks for the first, other clients of Google's libraries for the second. */
describe.each(['/$discovery/rest?version=v2', '/discovery/v1/apis/bigquery/v2/rest'])('the document at %s', (route) => {
  let built: Built
  beforeAll(async () => {
    const make = await new Discovery({}).discoverAPI(harness.url + route)
    const client: unknown = make({ rootUrl: `${harness.url}/` }, {})
    built = client as Built
  })

  test('lists datasets and tables, as `bq ls` does', async () => {
    const datasets = await built['datasets']!['list']!({ projectId: 'demo', maxResults: 50, all: false })
    expect(datasets.data['datasets']).toMatchObject([{ datasetReference: { datasetId: 'street' } }])
    const tables = await built['tables']!['list']!({ projectId: 'demo', datasetId: 'street', maxResults: 50 })
    expect(tables.data['tables']).toMatchObject([{ tableReference: { tableId: 'signs' } }])
  })

  test('shows a table and its first rows, as `bq show` and `bq head` do', async () => {
    const named = { projectId: 'demo', datasetId: 'street', tableId: 'signs' }
    const table = await built['tables']!['get']!({ ...named, view: 'STORAGE_STATS' })
    expect(table.data).toMatchObject({ schema: { fields: [{ name: 'id' }] } })
    const rows = await built['tabledata']!['list']!({ ...named, maxResults: 1, startIndex: '1' })
    expect(rows.data['rows']).toEqual([{ f: [{ v: 'b' }] }])
  })

  test('runs a query and lists jobs, as `bq query` and `bq ls -j` do', async () => {
    const jobReference = { projectId: 'demo', jobId: `bqjob_${route.length}` }
    const query = { query: 'SELECT COUNT(*) AS n FROM street.signs', useLegacySql: false }
    await built['jobs']!['insert']!({ projectId: 'demo', requestBody: { jobReference, configuration: { query } } })
    const answer = await built['jobs']!['getQueryResults']!({ ...jobReference, timeoutMs: 10_000, maxResults: 100 })
    expect(answer.data).toMatchObject({ jobComplete: true, rows: [{ f: [{ v: '2' }] }] })
    const jobs = await built['jobs']!['list']!({
      projectId: 'demo',
      projection: 'full',
      maxResults: 50,
      allUsers: false,
    })
    expect(jobs.data['jobs']).toContainEqual(
      expect.objectContaining({ jobReference: expect.objectContaining(jobReference) as object }),
    )
  })
})

test('returns 404 for another version', async () => {
  expect((await fetch(`${harness.url}/$discovery/rest?version=v1`)).status).toBe(404)
})

test('lists only emulated methods', async () => {
  const { resources } = (await (await fetch(`${harness.url}/$discovery/rest`)).json()) as {
    resources: Record<string, { methods: Record<string, { httpMethod: string; path: string }> }>
  }
  const methods = Object.values(resources).flatMap(({ methods }) => Object.values(methods))
  expect(methods.length).toBeGreaterThan(15)
  for (const { httpMethod, path } of methods) {
    const route = `/bigquery/v2/${path.replace(/\{\+\w+\}/g, 'none')}`
    const body = httpMethod === 'GET' || httpMethod === 'DELETE' ? {} : { body: '{}' }
    const answer = await fetch(harness.url + route, { method: httpMethod, ...body })
    expect(await answer.text()).not.toContain(`bigquery: ${httpMethod} `)
  }
})
