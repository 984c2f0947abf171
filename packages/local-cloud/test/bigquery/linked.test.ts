import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness

const LINK = { linkedDatasetSource: { sourceDataset: { projectId: 'demo', datasetId: 'shared' } } }
const FIELDS = [{ name: 'id', type: 'STRING' }]

beforeAll(async () => {
  bigquery = await startBigQuery()
  const { client } = bigquery
  await client.createDataset('shared', { location: 'EU' })
  const [table] = await client.dataset('shared').createTable('signs', { schema: { fields: FIELDS } })
  await table.insert([{ id: 'a' }, { id: 'b' }])
  await client.createDataset('subscribed', LINK)
})
afterAll(() => bigquery.close())

const REFUSED = expect.objectContaining({
  code: 400,
  message: expect.stringMatching(/on a Linked Dataset\. This operation is not supported\.$/) as string,
}) as Error

describe('a linked dataset (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#linked_datasets)', () => {
  it('names its source by project number and shares its location', async () => {
    const [metadata] = await bigquery.client.dataset('subscribed').getMetadata()
    expect(metadata).toMatchObject({
      type: 'LINKED',
      location: 'EU',
      linkedDatasetSource: {
        sourceDataset: { projectId: expect.stringMatching(/^\d{12}$/) as string, datasetId: 'shared' },
      },
      linkedDatasetMetadata: { linkState: 'LINKED' },
    })
  })

  it("shows its source's current tables and rows under its own name", async () => {
    const { client } = bigquery
    await client
      .dataset('shared')
      .table('signs')
      .insert([{ id: 'c' }])
    const [tables] = await client.dataset('subscribed').getTables()
    expect(tables.map(({ id }) => id)).toEqual(['signs'])
    const [metadata] = await client.dataset('subscribed').table('signs').getMetadata()
    expect(metadata).toMatchObject({ id: 'demo:subscribed.signs', numRows: '3', location: 'EU' })
    const [job] = await client.createQueryJob({ query: 'SELECT id FROM `demo.subscribed.signs` ORDER BY id' })
    expect((await job.getQueryResults())[0]).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
    const { totalBytesProcessed, query } = (await job.getMetadata())[0].statistics
    expect(Number(totalBytesProcessed)).toBeGreaterThan(0)
    expect(query.referencedTables).toEqual([{ projectId: 'demo', datasetId: 'subscribed', tableId: 'signs' }])
  })

  it.each<[string, (client: Harness['client']) => Promise<unknown>]>([
    ['a new table', (client) => client.dataset('subscribed').createTable('mine', { schema: { fields: FIELDS } })],
    ['another description', (client) => client.dataset('subscribed').table('signs').setMetadata({ description: 'x' })],
    ['a deletion', (client) => client.dataset('subscribed').table('signs').delete()],
    [
      'rows',
      (client) =>
        client
          .dataset('subscribed')
          .table('signs')
          .insert([{ id: 'd' }]),
    ],
    [
      'the results of a query',
      (client) =>
        client.createQueryJob({ query: "SELECT 'x' AS id", destination: client.dataset('subscribed').table('mine') }),
    ],
  ])('refuses %s', async (_what, write) => {
    await expect(write(bigquery.client)).rejects.toEqual(REFUSED)
  })

  it("must be in its source's location and cannot link to a missing dataset or another link", async () => {
    const { client } = bigquery
    const to = (datasetId: string) => ({ linkedDatasetSource: { sourceDataset: { projectId: 'demo', datasetId } } })
    await expect(client.createDataset('far', { ...LINK, location: 'US' })).rejects.toMatchObject({ code: 400 })
    await expect(client.createDataset('nothing', to('nowhere'))).rejects.toMatchObject({ code: 404 })
    await expect(client.createDataset('twice', to('subscribed'))).rejects.toMatchObject({ code: 400 })
  })

  // Words and behavior as subscribers have seen them, and
  // https://cloud.google.com/bigquery/docs/analytics-hub-introduction#data_egress.
  describe('whose publisher restricts data egress', () => {
    const query = 'SELECT id FROM demo.restricted.signs ORDER BY id'
    const restricted = expect.objectContaining({
      code: 403,
      message: 'Access Denied: Table demo:restricted.signs: Data egress is restricted',
      errors: [expect.objectContaining({ reason: 'accessDenied' })],
    }) as Error

    beforeAll(async () => {
      const { client } = bigquery
      await client.createDataset('own', { location: 'EU' })
      const restrictions = { type: 'RESTRICTED_DATA_EGRESS' as const }
      await client.createDataset('restricted', { ...LINK, restrictions } as object)
    })

    it('says so in its metadata and in that of its tables', async () => {
      const dataset = bigquery.client.dataset('restricted')
      for (const [metadata] of [await dataset.getMetadata(), await dataset.table('signs').getMetadata()])
        expect(metadata).toMatchObject({ restrictions: { type: 'RESTRICTED_DATA_EGRESS' } })
    })

    it('lets queries read its rows', async () => {
      expect((await bigquery.client.query(query))[0].length).toBeGreaterThan(1)
    })

    it.each<[string, (client: Harness['client']) => Promise<unknown>]>([
      ['a table', (client) => client.createQueryJob({ query, destination: client.dataset('own').table('copy') })],
      [
        'a view',
        (client) => client.dataset('own').createTable('seen', { view: { query, useLegacySql: false } } as object),
      ],
      ['a listing of its rows', (client) => client.dataset('restricted').table('signs').getRows()],
    ])('refuses to copy them to %s', async (_what, copy) => {
      await expect(copy(bigquery.client)).rejects.toEqual(restricted)
    })
  })

  it('survives a restart, and deleting it keeps its source’s tables', async () => {
    await bigquery.restart()
    await bigquery.client.dataset('subscribed').delete()
    expect((await bigquery.client.dataset('shared').getTables())[0]).toHaveLength(1)
  })
})
