import { copyFileSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunReport } from '../../src/contracts/run-report.ts'
import { ROOT } from '../cli/imagery-process.ts'
import { GeminiUser } from './gemini-user.ts'
import { letRuntimeRead, officialClients } from './official-clients.ts'

const SAMPLES = path.join(ROOT, 'samples', 'street-signs', 'images')
const images = readdirSync(SAMPLES)
  .filter((name) => name.endsWith('.jpg'))
  .toSorted()

let user: GeminiUser
let photos: string
let first: RunReport

interface Row {
  asset_id: string
  status: string
  run_id: string
  cost_usd: number
  carried_from: string | null
  carried_cost_usd: number | null
  gcs_uris: string[]
}

/** Puts a sample image into the folder under a name. */
const put = (name: string, sample: number): void =>
  copyFileSync(path.join(SAMPLES, images[sample]!), path.join(photos, name))

const calls = async (): Promise<number> => (await user.geminiCalls()).summary.calls

beforeAll(async () => {
  user = new GeminiUser()
  await user.startCloud(`script:${user.file('model.yaml', 'seed: 1')}`)
  photos = path.join(user.folder, 'photos')
  mkdirSync(photos)
  for (const index of [0, 1, 2, 3, 4, 5]) put(`${index}.jpg`, index)
  first = await user.run(['--table', 'photos', '--profile', 'road-signs'])
})

afterAll(() => user.leave())

test('an update of unchanged photos calls no model, and its results are whole', async () => {
  const before = await calls()
  const report = await user.run(['--update', first.run_id])
  expect(await calls()).toBe(before)
  expect(report).toMatchObject({
    state: 'complete',
    profile: 'road-signs',
    source: 'photos',
    units: { total: 6, ok: 6 },
    cost_usd: 0,
    carried: {
      mode: 'update',
      from: [first.run_id],
      units: { new: 0, changed: 0, unchanged: 6, failed_before: 0, gone: 0 },
      cost_usd: first.cost_usd,
    },
  })
  expect(Date.parse(report.finished_at ?? '')).toBeGreaterThan(Date.parse(report.started_at))
  const rows = await user.results<Row>(report.run_id)
  expect(rows.map(({ carried_from, run_id, cost_usd }) => ({ carried_from, run_id, cost_usd }))).toEqual(
    Array.from({ length: 6 }, () => ({ carried_from: first.run_id, run_id: report.run_id, cost_usd: 0 })),
  )
  // The photos of this run, which its teardown deletes, and not those of the first one.
  expect(rows.every(({ gcs_uris }) => gcs_uris[0]!.includes(report.run_id))).toBe(true)
})

test('an update asks for three changed photos only, even when the earlier run was torn down', async () => {
  const torn = await user.imagery('teardown', first.run_id, '--local')
  expect(torn.exitCode, torn.stderr).toBe(0)
  // Another photo under the same name, a new one, and one that goes.
  put('1.jpg', 6)
  put('2.jpg', 7)
  put('new.jpg', 8)
  unlinkSync(path.join(photos, '5.jpg'))
  const before = await calls()
  const update = ['--update', first.run_id, '--table', 'photos', '--profile', 'road-signs']
  const counted = await user.imagery('run', '--local', ...update, '--dry-run')
  expect(counted.document, counted.stderr).toMatchObject({
    units: 6,
    carried: { mode: 'update', units: { new: 1, changed: 2, unchanged: 3, failed_before: 0, gone: 1 } },
  })
  const report = await user.run(update)
  expect((await calls()) - before).toBe(3)
  expect(report).toMatchObject({
    units: { total: 6, ok: 6 },
    carried: { units: { new: 1, changed: 2, unchanged: 3, failed_before: 0, gone: 1 } },
  })
  const rows = (await user.results<Row>(report.run_id)).toSorted((a, b) => (a.asset_id < b.asset_id ? -1 : 1))
  expect(rows.map(({ asset_id, carried_from }) => [asset_id, carried_from !== null])).toEqual([
    ['0.jpg', true],
    ['1.jpg', false],
    ['2.jpg', false],
    ['3.jpg', true],
    ['4.jpg', true],
    ['new.jpg', false],
  ])
  const own = rows.reduce((sum, { cost_usd }) => sum + cost_usd, 0)
  expect(report.cost_usd).toBeCloseTo(own, 9)
  expect((await user.imagery('status', report.run_id, '--local')).document).toMatchObject({
    cost_usd: report.cost_usd,
    carried: report.carried,
  })

  // An update of the update: what both carried over is still the first run's.
  const again = await user.run(['--reuse', '--table', 'photos', '--profile', 'road-signs'])
  expect((await calls()) - before).toBe(3)
  expect(again.carried).toMatchObject({ mode: 'reuse', units: { unchanged: 6, new: 0, changed: 0 } })
  const from = new Set((await user.results<Row>(again.run_id)).map(({ carried_from }) => carried_from))
  expect(from).toEqual(new Set([first.run_id, report.run_id]))

  // With another model, every photo is asked again.
  const asked = await user.run(['--update', report.run_id, '--model', 'gemini-3.5-flash', '--limit', '2'])
  expect(asked.carried).toMatchObject({ units: { changed: 2, unchanged: 0, gone: 4 } })
  expect((await calls()) - before).toBe(5)
})

test('an estimate counts a photo that was replaced at its address as changed, of a file and of a table', async () => {
  const clients = await officialClients(user.dataDirectory)
  const { storage, bigQuery, locator } = clients
  await storage.createBucket('street-photos', { location: 'US' })
  await letRuntimeRead(clients, 'street-photos')
  const upload = (name: string, sample: number) =>
    storage
      .bucket('street-photos')
      .file(name)
      .save(readFileSync(path.join(SAMPLES, images[sample]!)), { resumable: false })
  const rows = ['a', 'b', 'c'].map((id) => ({
    asset_id: id,
    observation_id: `o-${id}`,
    gcs_uri: `gs://street-photos/${id}.jpg`,
  }))
  for (const [index, { asset_id }] of rows.entries()) await upload(`${asset_id}.jpg`, index)
  const file = user.file('bucket.jsonl', `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`)
  const { run_id } = await user.run(['--table', file, '--profile', 'road-signs', '--image-transport', 'inline'])
  await upload('b.jpg', 5)
  await bigQuery.createDataset('city', { location: 'US' })
  const fields = Object.keys(rows[0]!).map((name) => ({ name, type: 'STRING' }))
  await bigQuery.dataset('city').createTable('signs', { schema: { fields } })
  await bigQuery.dataset('city').table('signs').insert(rows)
  const before = await calls()
  const counted = async (...flags: string[]) => {
    const update = ['--update', run_id, '--profile', 'road-signs', ...flags, '--dry-run']
    const { document, stderr } = await user.imagery('run', '--local', ...update)
    return { units: (document as { carried: { units: object } } | null)?.carried.units, stderr }
  }
  for (const table of [file, `${locator.projectId}.city.signs`]) {
    const { units, stderr } = await counted('--table', table)
    expect(units, stderr).toMatchObject({ new: 0, changed: 1, unchanged: 2 })
    expect(stderr).not.toContain('replaced at the same address')
  }
  const trusted = await counted('--table', file, '--trust-addresses')
  expect(trusted.units, trusted.stderr).toMatchObject({ changed: 0, unchanged: 3 })
  expect(await calls()).toBe(before)
})

test.each([
  ['no-run', 2, 'INVALID_FLAG', 'no-run is not a run ID'],
  ['260101-00000000', 1, 'RUN_NOT_FOUND', 'there is no run 260101-00000000'],
  ['imagery_results_us.nothing', 1, 'SOURCE_NOT_FOUND', 'there is no table imagery-local.imagery_results_us.nothing'],
])('--update %s is refused by name, and changes nothing', async (given, exitCode, code, message) => {
  const runs = (await user.imagery('runs', '--local')).document
  const refused = await user.imagery('run', '--local', '--update', given)
  expect(refused.exitCode).toBe(exitCode)
  expect((refused.document as { error: object }).error).toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  })
  expect((await user.imagery('runs', '--local')).document).toEqual(runs)
})

test('a run with --reuse is refused while a run of the same source is in progress, and warned of one of another source', async () => {
  const busy = new GeminiUser()
  try {
    await busy.startCloud(`script:${busy.file('slow.yaml', 'latency_ms: 3000')}`)
    for (const name of ['one', 'two']) {
      mkdirSync(path.join(busy.folder, name))
      for (const index of [0, 1, 2, 3, 4])
        copyFileSync(path.join(SAMPLES, images[index]!), path.join(busy.folder, name, `${index}.jpg`))
    }
    const run = ['run', '--local', '--profile', 'road-signs', '--concurrency', '1', '--no-wait', '--json']
    const begun = JSON.parse((await busy.type(...run, '--table', 'one')).stdout) as RunReport
    const refused = await busy.imagery(...run, '--reuse', '--table', './one/')
    expect(refused.document).toMatchObject({
      error: {
        code: 'RUN_NOT_COMPLETE',
        message: expect.stringMatching(
          new RegExp(`^--reuse: run ${begun.run_id} is running, and its [1-4] pending assets? would`),
        ) as string,
        suggestions: [
          expect.stringMatching(`^imagery status ${begun.run_id} --watch --local`) as string,
          expect.stringMatching(`^imagery cancel ${begun.run_id} --local`) as string,
        ],
      },
    })
    const other = JSON.parse((await busy.type(...run, '--reuse', '--table', 'two')).stdout) as { warnings: string[] }
    expect(other.warnings).toContainEqual(
      expect.stringMatching(
        new RegExp(`^Run ${begun.run_id} of profile road-signs is running: --reuse finds no answer for`),
      ),
    )
  } finally {
    await busy.leave()
  }
})
