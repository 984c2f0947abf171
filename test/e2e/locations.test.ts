import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { BigQuery } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { ensureDataset } from '../../src/google/bigquery/bigquery.ts'
import { loadFile } from '../../src/google/bigquery/jobs.ts'
import { restClientOptions } from '../../src/google/auth/credentials.ts'
import { runReport } from './documents.ts'
import { letRuntimeRead, officialClients, type OfficialClients } from './official-clients.ts'

const IMAGES = path.join(ROOT, 'samples', 'street-signs', 'images')

let user: ImageryUser
let cloud: OfficialClients
/** A city's project, which shares its table with ours. */
let city: BigQuery

async function table(owner: BigQuery, dataset: string, location: string): Promise<string> {
  // Repeated when a test is retried.
  await ensureDataset({ projectId: owner.projectId, dataset }, { location, description: '' })
  const file = path.join(user.folder, `${dataset}.ndjson`)
  const row = (index: number): object => ({ asset_id: `sign-${index}`, gcs_uri: `gs://city-photos/${index}.jpg` })
  await writeFile(file, [1, 2, 3].map((index) => `${JSON.stringify(row(index))}\n`).join(''))
  // A load creates no table.
  const [exists] = await owner.dataset(dataset).table('signs').exists()
  if (!exists) await owner.dataset(dataset).createTable('signs', {})
  const name = { projectId: owner.projectId, dataset, table: 'signs' }
  const schema = ['asset_id', 'gcs_uri'].map((column) => ({ name: column, type: 'STRING' }))
  await loadFile(name, { format: 'NEWLINE_DELIMITED_JSON', file, schema }, { location })
  return `${owner.projectId}.${dataset}.signs`
}

/** A linked dataset of the same owner, like one created by a subscription to a listing. */
async function linked(owner: BigQuery, dataset: string, source: string, restrictions?: object): Promise<void> {
  const linkedDatasetSource = { sourceDataset: { projectId: owner.projectId, datasetId: source } }
  const [exists] = await owner.dataset(dataset).exists()
  if (!exists) await owner.createDataset(dataset, { linkedDatasetSource, restrictions } as object)
}

async function run(...args: string[]) {
  const outcome = await user.run(['run', '--local', '--profile', 'resolution', '--json', ...args])
  expect(outcome.exitCode, outcome.stdout).toBe(0)
  const report = runReport.parse(outcome.json())
  expect(report.units).toMatchObject({ total: 3, ok: 3 })
  return report
}

async function datasets(owner: BigQuery): Promise<Record<string, string>> {
  const [found] = await owner.getDatasets()
  const described = await Promise.all(found.map(async (dataset) => (await dataset.getMetadata())[0]))
  return Object.fromEntries(described.map(({ datasetReference, location }) => [datasetReference.datasetId, location]))
}

/** Another owner's project, in which the operator may create the shared tables. */
async function addProject({ locator }: OfficialClients, id: string): Promise<void> {
  const headers = { authorization: `Bearer ${locator.adminToken}` }
  const answer = await fetch(`${locator.http}/_imagery/projects/${id}`, { method: 'PUT', headers })
  expect(answer.status).toBe(200)
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  cloud = await officialClients(user.dataDirectory)
  const { BigQuery } = await import('@google-cloud/bigquery')
  await addProject(cloud, 'city-of-brno')
  city = new BigQuery({ ...(await restClientOptions('city-of-brno')), projectId: 'city-of-brno' })
  const [bucket] = await cloud.storage.createBucket('city-photos', { location: 'US' })
  await letRuntimeRead(cloud, 'city-photos')
  const [file] = readdirSync(IMAGES).filter((name) => !name.startsWith('corrupt'))
  await Promise.all(
    [1, 2, 3].map((index) =>
      bucket.upload(path.join(IMAGES, file!), { destination: `${index}.jpg`, resumable: false }),
    ),
  )
})

afterAll(() => user.leave())

describe("results, snapshot and ledger are in the source's location", () => {
  test.each([
    ['EU', 'imagery_results_eu'],
    ['US', 'imagery_results_us'],
    ['europe-west3', 'imagery_results_europe_west3'],
  ])('in %s, with the services in us-central1', async (location, dataset) => {
    const given = await table(cloud.bigQuery, `signs_of_${location.replace('-', '_')}`, location)
    const report = await run('--table', given)
    expect(report.results_table).toContain(`.${dataset}.`)
    expect(report.attempts_table).toContain(`.${dataset}.`)
    expect((await datasets(cloud.bigQuery))[dataset]).toBe(location)
  })

  test('an --output elsewhere is refused with a suitable dataset, and nothing is created', async () => {
    await ensureDataset(
      { projectId: cloud.locator.projectId, dataset: 'results_in_america' },
      { location: 'US', description: '' },
    )
    const before = await cloud.inventory()
    const outcome = await user.run(
      ['run', '--local', '--profile', 'resolution', '--json', '--table'].concat(
        `${cloud.locator.projectId}.signs_of_EU.signs`,
        '--output',
        'results_in_america',
      ),
    )
    expect(outcome.exitCode).toBe(2)
    expect(outcome.error()).toMatchObject({
      code: 'INVALID_FLAG',
      message: expect.stringMatching(/results_in_america is in US, but the source is in EU/),
      suggestions: [expect.stringContaining('--output imagery_results_eu')],
    })
    expect(await cloud.inventory()).toEqual(before)
  })
})

// https://cloud.google.com/bigquery/docs/analytics-hub-introduction#data_egress
test('a linked dataset whose publisher restricts copies is read and loaded, and the run says so', async () => {
  await table(city, 'shared', 'EU')
  await linked(city, 'restricted', 'shared', { type: 'RESTRICTED_DATA_EGRESS' })
  const outcome = await user.run(
    'run --local --profile resolution --json --table city-of-brno.restricted.signs'.split(' '),
  )
  expect(outcome.exitCode, outcome.stdout).toBe(0)
  const report = runReport.parse(outcome.json())
  expect(report.units).toMatchObject({ total: 3, ok: 3 })
  expect(outcome.warnings()).toEqual([expect.stringContaining('city-of-brno.restricted.signs restricts data egress')])
  const snapshot = cloud.bigQuery
    .dataset('imagery_results_eu')
    .table(report.attempts_table.split('.')[2]!.replace(/attempts$/, 'assets'))
  expect((await snapshot.getMetadata())[0]).toMatchObject({
    numRows: '3',
    clustering: { fields: ['bucket'] },
    rangePartitioning: { field: 'bucket' },
    expirationTime: expect.any(String) as string,
  })
})

test.each(['a table', 'a read-only linked dataset'])(
  '%s in another project is read from ours: jobs and tables are billed to ours, and nothing is created there',
  async (what) => {
    const shared = await table(city, 'shared', 'EU')
    if (what !== 'a table') await linked(city, 'subscribed', 'shared')
    const given = what === 'a table' ? shared : 'city-of-brno.subscribed.signs'
    const before = await datasets(city)
    const [jobsBefore] = await city.getJobs({ allUsers: true } as object)
    const report = await run('--table', given)
    expect(report.results_table).toMatch(/^imagery-local\.imagery_results_eu\./)
    expect(await datasets(city)).toEqual(before)
    const [tables] = await city.dataset('shared').getTables()
    expect(tables.map(({ id }) => id)).toEqual(['signs'])
    const [jobs] = await city.getJobs({ allUsers: true } as object)
    expect(jobs.map(({ id }) => id)).toEqual(jobsBefore.map(({ id }) => id))
  },
)
