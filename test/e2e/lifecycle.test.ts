import { readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, readText, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { fileDocument, imageQualityRow, rowsDocument, runList, runReport, teardownDocument } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'

const SAMPLES = path.join(ROOT, 'samples', 'street-signs')

let user: ImageryUser
let cloud: OfficialClients
/** Two runs: the older one of image-quality with two failed assets, the newer one of resolution. */
let older: string
let newer: string

const run = async (file: string, profile: string): Promise<string> => {
  const outcome = await user.run([
    'run',
    '--local',
    '--table',
    path.join(SAMPLES, file),
    '--profile',
    profile,
    '--json',
  ])
  return runReport.parse(outcome.json()).run_id
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  cloud = await officialClients(user.dataDirectory)
  older = await run('with-faults.jsonl', 'image-quality')
  newer = await run('observations.jsonl', 'resolution')
})

afterAll(() => user.leave())

/** Everything left of a run: its names all contain its ID, with a dash or, in tables, an underscore. */
async function leftOf(runId: string): Promise<string[]> {
  return (await cloud.inventory()).filter((name) => name.includes(runId) || name.includes(runId.replace('-', '_')))
}

const local = (...args: string[]): Promise<Outcome> => user.run([...args, '--local'])

describe('status', () => {
  test('shows the newest run, as text and as JSON', async () => {
    const text = await local('status')
    expect(text).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining(`Run ${newer}  complete\n`) })
    const json = await local('status', '--json')
    expect(json).toMatchObject({ exitCode: 0, stderr: '' })
    expect(runReport.parse(json.json())).toMatchObject({
      run_id: newer,
      state: 'complete',
      units: { total: 12, ok: 12, failed: 0, pending: 0 },
    })
  })

  test('accepts a whole run ID or a unique prefix', async () => {
    const shared = [...older].findIndex((character, index) => character !== newer[index])
    for (const typed of [older, older.slice(0, shared + 1)]) {
      expect(runReport.parse((await local('status', typed, '--json')).json()).run_id).toBe(older)
    }
  })

  test('--watch of a complete run ends at once, with the exit code for failed assets', async () => {
    expect(await local('status', older, '--watch')).toMatchObject({
      exitCode: 3,
      stderr: '',
      stdout: expect.stringContaining('Assets   14: 12 ok, 2 failed'),
    })
  })

  test('works with the state file deleted: the bucket knows the runs', async () => {
    rmSync(user.stateFile)
    expect(runReport.parse((await local('status', '--json')).json()).run_id).toBe(newer)
    expect(runList.parse((await local('runs', '--json')).json()).runs.map(({ run_id }) => run_id)).toEqual([
      newer,
      older,
    ])
    expect(statSync(user.stateFile).mode & 0o777, 'only the user reads it').toBe(0o600)
  })
})

describe('a run ID', () => {
  test('that is a prefix of several runs is refused with their names', async () => {
    const error = (await local('status', older.slice(0, 6), '--json')).error()
    expect(error).toMatchObject({ code: 'AMBIGUOUS_RUN_ID', suggestions: ['imagery runs --local'] })
    expect(error.message).toContain(older)
    expect(error.message).toContain(newer)
  })

  test.each([
    ['000101-00000000', 'RUN_NOT_FOUND', 1],
    ['latest', 'INVALID_FLAG', 2],
    ['../runs', 'INVALID_FLAG', 2],
  ])('that matches no run, such as %s, is refused by every command', async (typed, code, exitCode) => {
    const commands = ['status', 'results', 'teardown', 'resume']
    const outcomes = await Promise.all(commands.map((command) => local(command, typed, '--json')))
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome.error(), commands[index]).toMatchObject({ code, message: expect.stringContaining(typed) })
      expect(outcome.exitCode, commands[index]).toBe(exitCode)
    }
  })
})

test('runs lists both runs, newest first, as text and as JSON', async () => {
  const { runs } = runList.parse((await local('runs', '--json')).json())
  expect(runs.map(({ run_id, units }) => [run_id, units.total, units.failed])).toEqual([
    [newer, 12, 0],
    [older, 14, 2],
  ])
  const lines = (await local('runs')).stdout.trimEnd().split('\n')
  expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(['RUN', newer, older])
  expect(lines[1]).toMatch(/^\S+ +\d\d-\d\d \d\d:\d\d +complete +12 +0 +0 +\$0.00 +resolution/)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('runs --limit lists only the newest', async () => {
  const limited = await local('runs', '--limit', '1', '--json')
  expect(runList.parse(limited.json()).runs.map(({ run_id }) => run_id)).toEqual([newer])
  expect((await local('runs', '--limit', '0', '--json')).error().code).toBe('INVALID_FLAG')
})

describe('results', () => {
  test('print a table that fits, for the newest run or another', async () => {
    const { exitCode, stdout, stderr } = await local('results', older)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    expect(lines.filter((line) => line.startsWith('t1:'))).toHaveLength(14)
    expect(lines[0]).toMatch(/^asset_id +status +verdict/)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(stdout).toContain('t1:918ebaaa017a129799d0641f7e570cf4:ffff005f  failed')
    const text = stdout.replaceAll(/\s+/g, ' ')
    expect(text).toMatch(/Failed unreadable_image: t1:\S+ no readable image: images/)
    expect(text).toMatch(/Columns not shown: .*\bmegapixels\b.*--columns NAME,… chooses columns/)
  })

  test('print one JSON object per line, with the columns of the results table', async () => {
    const { exitCode, stdout, stderr } = await local('results', older, '--format', 'jsonl')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => imageQualityRow.parse(JSON.parse(line)))
    expect(rows).toHaveLength(14)
    const document = rowsDocument.parse((await local('results', older, '--json')).json())
    expect(document.rows).toEqual(rows)
    const [table] = await cloud.bigQuery
      .dataset('imagery_results_us')
      .table(document.table.split('.').at(-1) ?? '')
      .get()
    const fields = (table.metadata as { schema: { fields: { name: string; description?: string }[] } }).schema.fields
    expect(fields.map(({ name }) => name)).toEqual(Object.keys(document.rows[0] ?? {}))
    expect(
      fields.filter(({ description }) => !description),
      'columns without a description',
    ).toEqual([])
  })

  test('print CSV with a heading', async () => {
    const { stdout } = await local('results', newer, '--format', 'csv')
    const [heading = '', ...lines] = stdout.trimEnd().split('\r\n')
    expect(heading).toMatch(/^asset_id,location,detection_time,observation_ids,gcs_uris,width,height,/)
    expect(lines).toHaveLength(12)
    expect(lines[0]).toMatch(/^t1:[0-9a-f]{32}:ffff005f,"\{""latitude"":[\d.]+,""longitude"":-[\d.]+\}",2\d{3}-/)
  })

  test('go to a file, as JSONL or, by its extension, as CSV', async () => {
    const csv = await local('results', newer, '--output-file', 'rows.csv')
    expect(csv).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringMatching(/^Wrote 12 rows of \S+ to rows\.csv\n$/),
    })
    expect((await readText(path.join(user.folder, 'rows.csv'))).split('\r\n')).toHaveLength(14)
    const json = fileDocument.parse((await local('results', newer, '-o', 'rows.jsonl', '--json')).json())
    expect(json).toMatchObject({ run_id: newer, rows: 12, file: 'rows.jsonl' })
    expect(
      (await readText(path.join(user.folder, 'rows.jsonl')))
        .trimEnd()
        .split('\n')
        .map((line) => typeof JSON.parse(line)),
    ).toEqual(Array<string>(12).fill('object'))
  })

  test.each(['no/such/folder/rows.csv', '.'])('cannot go to %s, and the error says so', async (file) => {
    const outcome = await local('results', newer, '--format', 'csv', '-o', file, '--json')
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({ code: 'FILE_NOT_WRITABLE', message: expect.stringContaining(file) })
  })
})

/** Starts a viewer, and returns the cookie of its page. */
async function open(runId: string): Promise<{ viewer: ReturnType<ImageryUser['start']>; url: string; cookie: string }> {
  const viewer = user.start(['view', runId, '--local', '--no-open', '--json'])
  let text = ''
  for await (const part of viewer.process.stdout!) {
    text += String(part)
    if (text.trimEnd().endsWith('}')) break
  }
  const { url } = JSON.parse(text) as { url: string }
  const opened = await fetch(url, { redirect: 'manual' })
  const cookie = String(opened.headers.get('set-cookie')).split(';')[0]!
  return { viewer, url: new URL(url).origin, cookie }
}

describe('view', () => {
  test('serves the app, the rows and the images of a run, and ends with Ctrl-C', async () => {
    const { viewer, url, cookie } = await open(older)
    const get = (target: string, init: RequestInit = {}) =>
      fetch(url + target, { ...init, headers: { cookie, 'x-imagery-view': '1', ...init.headers } })
    expect(await (await get('/')).text()).toMatch(/<!doctype html>/i)
    const about = (await (await get('/api/run')).json()) as { units: object; failures: { units: number }[] }
    expect(about).toMatchObject({
      run_id: older,
      state: 'complete',
      profile: 'image-quality',
      model: 'pixels',
      units: { total: 14, ok: 12, failed: 2, pending: 0 },
      is_live: false,
    })
    expect(about.failures.reduce((sum, { units }) => sum + units, 0)).toBe(2)
    const json = { 'content-type': 'application/json' }
    const page = { filter: [{ column: 'status', is: ['ok'] }], sort: null, offset: 0, limit: 1 }
    const found = await get('/api/page', { method: 'POST', headers: json, body: JSON.stringify(page) })
    const { total, rows } = (await found.json()) as { total: number; rows: [{ unit_id: string }] }
    expect(total).toBe(12)
    const [{ unit_id: unit }] = rows
    const detail = (await (await get(`/api/unit?id=${encodeURIComponent(unit)}`)).json()) as { attempts: object[] }
    expect(detail).toMatchObject({ unit_id: unit, status: 'ok', command: expect.stringContaining(`show ${older}`) })
    expect(detail.attempts).toMatchObject([{ status: 'ok', started_at: expect.any(String) }])
    const image = await get(`/api/image?unit=${encodeURIComponent(unit)}&index=0&size=thumbnail`)
    expect(image.headers.get('content-type')).toBe('image/jpeg')
    const mark = { unit_id: unit, verdict: 'right', columns: {}, note: '', marked_at: new Date().toISOString() }
    const marked = await get('/api/marks', { method: 'PUT', headers: json, body: JSON.stringify(mark) })
    expect(await marked.json()).toMatchObject({ marked: 1 })
    viewer.process.kill('SIGINT')
    expect(await viewer.outcome).toMatchObject({ exitCode: 0, stderr: '' })
    await expect(fetch(url)).rejects.toThrow()
  })

  test('saves reviews as a table', async () => {
    const outcome = await local('view', older, '--save-reviews', '--json')
    expect(outcome.json()).toMatchObject({
      run_id: older,
      table: expect.stringMatching(/_reviews$/),
      marks: 1,
    })
  })

  test('of a run without marks has nothing to save, and of an unknown run nothing to show', async () => {
    expect((await local('view', newer, '--save-reviews', '--json')).error().code).toBe('SOURCE_NOT_FOUND')
    expect((await local('view', '000101-00000000', '--no-open', '--json')).error().code).toBe('RUN_NOT_FOUND')
  })
})

describe('teardown', () => {
  test('without --yes and without a terminal deletes nothing', async () => {
    const before = await leftOf(older)
    const outcome = await local('teardown', older, '--delete-results', '--json')
    expect(outcome.exitCode).toBe(2)
    expect(outcome.error()).toMatchObject({
      code: 'CONFIRMATION_NEEDED',
      message: expect.stringContaining(`image_quality_${older.replace('-', '_')}_attempts`),
    })
    expect(await leftOf(older)).toEqual(before)
  })

  test('removes everything except results and ledger, which stay readable', async () => {
    const { exitCode, stdout, stderr } = await local('teardown', older)
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('✔ Objects in the bucket'),
    })
    expect(stdout).toContain(`Run ${older} is torn down.`)
    const name = `image_quality_${older.replace('-', '_')}`
    expect(await leftOf(older)).toEqual([
      `imagery_results_us.${name}`,
      `imagery_results_us.${name}_attempts`,
      `imagery_results_us.${name}_reviews`,
    ])
    expect(stdout).toContain(`${name}_reviews`)
    expect(runReport.parse((await local('status', older, '--json')).json())).toMatchObject({
      state: 'torn_down',
      units: { total: 14 },
    })
    expect(rowsDocument.parse((await local('results', older, '--json')).json()).rows).toHaveLength(14)
    expect(runList.parse((await local('runs', '--json')).json()).runs.map(({ state }) => state)).toEqual([
      'complete',
      'torn_down',
    ])
  })

  test('leaves a run that can still be viewed, by its results', async () => {
    const { viewer, url, cookie } = await open(older)
    const about = await fetch(`${url}/api/run`, { headers: { cookie } })
    expect(await about.json()).toMatchObject({ state: 'torn down', units: { total: 14, ok: 12, failed: 2 } })
    viewer.process.kill('SIGTERM')
    expect((await viewer.outcome).exitCode).toBe(0)
  })

  test('can be repeated, and can then drop the results too', async () => {
    expect(teardownDocument.parse((await local('teardown', older, '--json')).json()).deleted).toEqual([])
    const last = teardownDocument.parse((await local('teardown', older, '--delete-results', '--yes', '--json')).json())
    expect(last.deleted).toHaveLength(3)
    expect(await leftOf(older)).toEqual([])
  })

  test('with --delete-results --yes leaves nothing of a run in any API', async () => {
    expect((await leftOf(newer)).length).toBeGreaterThan(5)
    const outcome = await local('teardown', newer, '--delete-results', '--yes', '--json')
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
    const { deleted, kept } = teardownDocument.parse(outcome.json())
    // The run may have ended by itself before, without its queues, topic and snapshot.
    expect(deleted).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/\.resolution_\d{6}_[0-9a-f]{8}$/),
        expect.stringMatching(/_attempts$/),
        expect.stringMatching(/^gs:/),
      ]),
    )
    expect(kept).toEqual([])
    expect(await leftOf(newer)).toEqual([])
    expect((await cloud.inventory()).filter((name) => !name.includes('/deploy/'))).toEqual([])
  })

  test('needs only the ID: another machine, without the state file, can do it too', async () => {
    const third = await run('observations.jsonl', 'resolution')
    rmSync(user.stateFile)
    expect((await local('teardown', third, '--delete-results', '--yes')).exitCode).toBe(0)
    expect(await leftOf(third)).toEqual([])
    expect(JSON.parse(readFileSync(user.stateFile, 'utf8'))).toMatchObject({
      runs: { [third]: { tornDown: { state: 'torn_down' } } },
    })
  })
})
