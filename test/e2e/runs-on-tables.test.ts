import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { rowsDocument, runList, runReport } from './documents.ts'
import { letRuntimeRead, officialClients, type OfficialClients } from './official-clients.ts'

const IMAGES = path.join(ROOT, 'samples', 'street-signs', 'images')
const PHOTOS = readdirSync(IMAGES).filter((name) => !name.startsWith('corrupt'))

let user: ImageryUser
let cloud: OfficialClients

/** A table in the local BigQuery, filled by the official client's load job. */
async function table(name: string, schema: string, rows: object[]): Promise<string> {
  const file = path.join(user.folder, `${name}.ndjson`)
  await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  await cloud.bigQuery
    .dataset('city')
    .table(name)
    .load(file, { sourceFormat: 'NEWLINE_DELIMITED_JSON', schema: { fields: fields(schema) } })
  return `${cloud.locator.projectId}.city.${name}`
}

function fields(schema: string): { name: string; type: string }[] {
  return schema.split(',').map((field) => ({ name: field.split(':')[0]!, type: field.split(':')[1]! }))
}

async function run(
  ...args: string[]
): Promise<{ report: ReturnType<typeof runReport.parse>; rows: Record<string, unknown>[] }> {
  const outcome = await user.run(['run', '--local', '--profile', 'resolution', '--json', ...args])
  expect([0, 3], outcome.stdout).toContain(outcome.exitCode)
  const report = runReport.parse(outcome.json())
  const { rows } = rowsDocument.parse((await user.run(['results', report.run_id, '--local', '--json'])).json())
  return { report, rows }
}

/** The jobs that have read a table, from BigQuery's job history. A dry run reads nothing. */
async function jobsThatRead(tableId: string): Promise<string[]> {
  const [jobs] = await cloud.bigQuery.getJobs({ allUsers: true, projection: 'full', autoPaginate: true } as object)
  return jobs
    .filter(({ metadata }) => {
      const { configuration, statistics } = metadata as {
        configuration: { dryRun?: boolean }
        statistics: { query?: { referencedTables?: { tableId: string }[] } }
      }
      return (
        configuration.dryRun !== true && statistics.query?.referencedTables?.some((read) => read.tableId === tableId)
      )
    })
    .map(({ id }) => id ?? '')
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  cloud = await officialClients(user.dataDirectory)
  await cloud.bigQuery.createDataset('city', { location: 'US' })
  const [bucket] = await cloud.storage.createBucket('city-photos', { location: 'US' })
  await letRuntimeRead(cloud, 'city-photos')
  await Promise.all(PHOTOS.map((name) => bucket.upload(path.join(IMAGES, name), { resumable: false })))
})

afterAll(() => user.leave())

const photo = (index: number): string => `gs://city-photos/${PHOTOS[index % PHOTOS.length]}`

describe('a filter', () => {
  test('may read another table, which the run names', async () => {
    const rows = ['stop', 'yield'].map((kind, index) => ({ asset_id: kind, gcs_uri: photo(index), kind }))
    const signs = await table('signs_of_kinds', 'asset_id:STRING,gcs_uri:STRING,kind:STRING', rows)
    const chosen = await table('chosen_kinds', 'kind:STRING', [{ kind: 'yield' }])
    const where = `kind IN (SELECT kind FROM \`${chosen}\`)`
    const args = ['run', '--local', '--table', signs, '--profile', 'resolution', '--where', where]
    const { exitCode, stdout, stderr } = await user.run(args)
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('1 ok') })
    expect(stderr).toContain(`--where also reads ${chosen}`)
  })
})

describe('the source table', () => {
  test('is read by one query job for any number of assets', async () => {
    for (const assets of [3, 200]) {
      const name = `signs_${assets}`
      const given = await table(
        name,
        'asset_id:STRING,gcs_uri:STRING',
        Array.from({ length: assets }, (_, index) => ({ asset_id: `sign-${index}`, gcs_uri: photo(index) })),
      )
      const { report, rows } = await run('--table', given, '--where', "asset_id != 'sign-0'")
      expect(report.units).toEqual({ total: assets - 1, ok: assets - 1, failed: 0, pending: 0 })
      expect(new Set(rows.map(({ asset_id }) => asset_id)).size).toBe(assets - 1)
      expect(await jobsThatRead(name)).toEqual([expect.stringContaining(report.run_id.replace('-', '_'))])
    }
  })

  test('is limited to the first assets by ID with --limit, or to a sample with --sample', async () => {
    const given = await table(
      'many',
      'asset_id:STRING,gcs_uri:STRING',
      Array.from({ length: 60 }, (_, index) => ({ asset_id: `sign-${100 + index}`, gcs_uri: photo(index) })),
    )
    const [limited, sampled] = await Promise.all([
      run('--table', given, '--limit', '3'),
      run('--table', given, '--sample', '7'),
    ])
    expect(limited.rows.map(({ asset_id }) => String(asset_id)).toSorted()).toEqual([
      'sign-100',
      'sign-101',
      'sign-102',
    ])
    expect(new Set(sampled.rows.map(({ asset_id }) => asset_id)).size).toBe(7)
    expect((await jobsThatRead('many')).length).toBe(2)
  })

  test('may have other names, types and a GEOGRAPHY; an asset gets its newest six images, each once', async () => {
    const schema =
      'pole:INTEGER,photo:STRING,location:GEOGRAPHY,detection_time:STRING,capture_time:TIMESTAMP,observation_id:STRING'
    const rows = [
      {
        pole: 7,
        photo: photo(0),
        location: 'POINT(-105.27 40.01)',
        detection_time: '2026-06-14T17:02:11Z',
        capture_time: '2026-05-01T00:00:00Z',
        observation_id: 'old',
      },
      {
        pole: 7,
        photo: photo(1),
        location: 'POINT(-105.27 40.01)',
        detection_time: '2026-13-45',
        capture_time: '2026-06-01T00:00:00Z',
        observation_id: 'new',
      },
      ...Array.from({ length: 9 }, (_, index) => ({
        pole: 9,
        photo: photo(index % 8),
        location: null,
        detection_time: null,
        capture_time: `2026-01-0${(index % 8) + 1}T00:00:00Z`,
        observation_id: `o${index % 8}`,
      })),
      { pole: 8, photo: null, location: null, detection_time: null, capture_time: null, observation_id: 'none' },
      {
        pole: null,
        photo: photo(2),
        location: null,
        detection_time: null,
        capture_time: null,
        observation_id: 'nobody',
      },
    ]
    const given = await table('poles', schema, rows)
    const { report, rows: results } = await run(
      '--table',
      given,
      '--asset-column',
      'pole',
      '--image-column',
      'Photo',
      '--output',
      'city.pole_sizes',
    )
    expect(report).toMatchObject({
      units: { total: 3, ok: 2, failed: 1 },
      causes: { unreadable_image: 1 },
      results_table: `${cloud.locator.projectId}.city.pole_sizes`,
    })
    const byId = new Map(results.map((row) => [row['asset_id'], row]))
    expect(byId.get('7')).toMatchObject({
      status: 'ok',
      location: { latitude: 40.01, longitude: -105.27 },
      detection_time: expect.stringMatching(/^2026-06-14T17:02:11/),
      observation_ids: ['new', 'old'],
      gcs_uris: [photo(1), photo(0)],
    })
    expect(byId.get('9')).toMatchObject({ observation_ids: ['o7', 'o6', 'o5', 'o4', 'o3', 'o2'] })
    expect(byId.get('8')).toMatchObject({ status: 'failed', cause: 'unreadable_image', location: null, gcs_uris: [] })
  })
})

describe('two runs at once', () => {
  test('with the same output: one gets it, the other fails and removes nothing', async () => {
    const given = await table('shared', 'asset_id:STRING,gcs_uri:STRING', [{ asset_id: 'a', gcs_uri: photo(0) }])
    const start = () =>
      user.run([
        'run',
        '--local',
        '--profile',
        'resolution',
        '--json',
        '--table',
        given,
        '--output',
        'city.shared_results',
      ])
    const outcomes = await Promise.all([start(), start()])
    const won = outcomes.find(({ exitCode }) => exitCode === 0)
    const lost = outcomes.find(({ exitCode }) => exitCode === 1)
    const report = runReport.parse(won?.json())
    expect(lost?.error()).toMatchObject({
      code: 'OUTPUT_EXISTS',
      message: expect.stringContaining('city.shared_results'),
    })
    const { runs } = runList.parse((await user.run(['runs', '--local', '--json'])).json())
    const other = runs.find(({ run_id, source }) => source === given && run_id !== report.run_id)
    if (other) await user.run(['teardown', other.run_id, '--local', '--delete-results', '--yes'])
    const { rows } = rowsDocument.parse((await user.run(['results', report.run_id, '--local', '--json'])).json())
    expect(rows.map(({ run_id }) => run_id)).toEqual([report.run_id])
  })

  test('both complete, each with exactly its own assets', async () => {
    const names = ['left', 'right']
    const tables = await Promise.all(
      names.map((side) =>
        table(
          side,
          'asset_id:STRING,gcs_uri:STRING',
          Array.from({ length: 60 }, (_, index) => ({ asset_id: `${side}-${index}`, gcs_uri: photo(index) })),
        ),
      ),
    )
    const runs = await Promise.all(tables.map((given) => run('--table', given)))
    for (const [index, side] of names.entries()) {
      const { report, rows } = runs[index]!
      expect(report).toMatchObject({ state: 'complete', units: { total: 60, ok: 60, failed: 0, pending: 0 } })
      expect(rows.map(({ asset_id }) => String(asset_id)).toSorted()).toEqual(
        Array.from({ length: 60 }, (_, asset) => `${side}-${asset}`).toSorted(),
      )
      expect(new Set(rows.map(({ run_id }) => run_id))).toEqual(new Set([report.run_id]))
    }
    const attempts = runs.map(({ report }) => report.attempts_table)
    expect(new Set(attempts).size).toBe(2)
    for (const [index, attemptsTable] of attempts.entries()) {
      const [counts] = await cloud.bigQuery.query(
        `SELECT COUNT(*) AS attempts, COUNT(DISTINCT asset_id) AS assets, COUNTIF(NOT STARTS_WITH(asset_id, '${names[index]}-')) AS strangers FROM \`${attemptsTable}\` WHERE status != 'setup'`,
      )
      expect(counts).toEqual([{ attempts: 60, assets: 60, strangers: 0 }])
    }
  })
})
