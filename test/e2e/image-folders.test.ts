import { execFileSync } from 'node:child_process'
import { copyFile, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { runReport, rowsDocument } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'

const SECRET = 'what nobody may see'

let user: ImageryUser
let cloud: OfficialClients

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  const answers = path.join(user.folder, 'model.yaml')
  await writeFile(answers, 'seed: 1\n')
  await user.startLocalCloud({ gemini: `script:${answers}` })
  cloud = await officialClients(user.dataDirectory)
  const work = path.join(user.folder, 'work')
  for (const folder of ['table', 'elsewhere', 'photos/inner', 'photos/cam'])
    await mkdir(path.join(work, folder), { recursive: true })
  const image = path.join(ROOT, 'samples', 'street-signs', 'images', 'stop-1.jpg')
  for (const name of ['table/a.jpg', 'elsewhere/b.jpg', 'photos/c.jpg', 'photos/inner/d.jpg', 'photos/cam/e.jpg'])
    await copyFile(image, path.join(work, name))
  await writeFile(path.join(work, 'secret.jpg'), SECRET)
  await symlink('../secret.jpg', path.join(work, 'table', 'link.jpg'))
  execFileSync('mkfifo', [path.join(work, 'table', 'pipe.jpg')])
  await writeFile(path.join(work, 'table', 'large.jpg'), '')
  await truncate(path.join(work, 'table', 'large.jpg'), 64 * 1024 ** 2 + 1)
  await symlink('../secret.jpg', path.join(work, 'photos', 'out.jpg'))
  await symlink('c.jpg', path.join(work, 'photos', 'in.jpg'))
  await symlink('../elsewhere', path.join(work, 'photos', 'linked'))
  await symlink('photos', path.join(work, 'shortcut'))
})

afterAll(() => user.leave())

const work = (...names: string[]): string => path.join(user.folder, 'work', ...names)

async function writeTable(name: string, images: Record<string, string | string[]>): Promise<string> {
  const rows = Object.entries(images).flatMap(([asset, uris]) =>
    [uris].flat().map((uri) => `${JSON.stringify({ asset_id: asset, gcs_uri: uri })}\n`),
  )
  await writeFile(work('table', name), rows.join(''))
  return work('table', name)
}

async function rowsOf(outcome: Outcome): Promise<Map<unknown, Record<string, unknown>>> {
  const { run_id: runId } = runReport.parse(outcome.json())
  const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
  return new Map(rows.map((row) => [row['asset_id'], row]))
}

/** This user's files in the local cloud's buckets. */
async function uploaded(): Promise<Buffer[]> {
  const [buckets] = await cloud.storage.getBuckets()
  const files = (await Promise.all(buckets.map(async (bucket) => (await bucket.getFiles())[0]))).flat()
  return Promise.all(
    files.filter(({ name }) => name.startsWith('runs/')).map(async (file) => (await file.download())[0]),
  )
}

const run = (...flags: string[]): Promise<Outcome> =>
  user.run(['run', '--local', '--profile', 'resolution', '--json', ...flags])

describe('the images of a table in a file', () => {
  test('are read only from its own folder; for any other, the row says why', async () => {
    const table = await writeTable('paths.jsonl', {
      fine: 'a.jpg',
      half: ['a.jpg', '../secret.jpg'],
      up: '../secret.jpg',
      'up-and-down': './inner/../../secret.jpg',
      absolute: work('secret.jpg'),
      passwd: '/etc/passwd',
      url: `file://${work('secret.jpg')}`,
      link: 'link.jpg',
      pipe: 'pipe.jpg',
      large: 'large.jpg',
      empty: '',
      missing: 'nowhere.jpg',
      control: 'a\u001b[2J.jpg',
    })
    const outcome = await run('--table', table)
    expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(3)
    const rows = await rowsOf(outcome)
    const outside = /^no readable image: (?!gs:)\S+ is outside the table's folder, .*--image-root FOLDER/
    for (const asset of ['up', 'up-and-down', 'absolute', 'passwd', 'link', 'url'])
      expect(rows.get(asset), asset).toMatchObject({
        cause: 'unreadable_image',
        error_message: expect.stringMatching(outside),
      })
    const reasons = {
      pipe: /is a pipe, not a file/,
      large: /is larger than 64 MiB/,
      empty: /has no image of this asset/,
      missing: /nowhere\.jpg does not exist/,
      control: /has a control character in its path/,
    }
    for (const [asset, reason] of Object.entries(reasons))
      expect(rows.get(asset), asset).toMatchObject({ status: 'failed', error_message: expect.stringMatching(reason) })
    expect(rows.get('fine')).toMatchObject({ status: 'ok' })
    expect(rows.get('half')).toMatchObject({ status: 'ok', unreadable_observation_ids: ['../secret.jpg'] })
    expect((await uploaded()).filter((bytes) => bytes.includes(SECRET))).toEqual([])
  })

  test("also have the reason they were left out in Gemini's runs", async () => {
    const table = await writeTable('gemini.jsonl', { fine: 'a.jpg', up: '../secret.jpg' })
    const outcome = await user.run(['run', '--local', '--profile', 'road-signs', '--json', '--table', table])
    expect(outcome.exitCode, outcome.stdout + outcome.stderr).toBe(3)
    const rows = await rowsOf(outcome)
    expect(rows.get('fine')).toMatchObject({ status: 'ok' })
    expect(rows.get('up')).toMatchObject({ error_message: expect.stringMatching(/is outside the table's folder/) })
  })

  test('are also read from the folders of --image-root, even when the run is resumed', async () => {
    const table = await writeTable('roots.jsonl', {
      own: 'a.jpg',
      up: '../elsewhere/b.jpg',
      absolute: work('elsewhere', 'b.jpg'),
      secret: '../secret.jpg',
    })
    await rename(work('elsewhere'), work('away'))
    await mkdir(work('elsewhere'))
    const begun = await run('--table', table, '--image-root', work('elsewhere'), '--image-root', work('photos'))
    expect(begun.exitCode, begun.stdout).toBe(3)
    const report = runReport.parse(begun.json())
    expect(report.units).toMatchObject({ ok: 1, failed: 3 })
    await rm(work('elsewhere'), { recursive: true })

    // An image that was already left out is not a reason to require its folder again.
    const away = await user.run(['retry', report.run_id, '--local', '--json'])
    expect(away.exitCode, away.stdout).toBe(3)

    await rename(work('away'), work('elsewhere'))
    const retried = await user.run(['retry', report.run_id, '--local', '--json'])
    expect(retried.exitCode, retried.stdout).toBe(3)
    const rows = await rowsOf(retried)
    expect(Object.fromEntries([...rows].map(([asset, row]) => [asset, row['status']]))).toEqual({
      absolute: 'ok',
      own: 'ok',
      secret: 'failed',
      up: 'ok',
    })
    expect((await uploaded()).filter((bytes) => bytes.includes(SECRET))).toEqual([])
  })
})

test('a folder, which may be a link, lists links, follows none that leads outside it, and says so', async () => {
  const outcome = await user.run(['run', '--local', '--profile', 'resolution', '--table', work('shortcut')])
  expect(outcome.exitCode, outcome.stderr).toBe(3)
  const said = outcome.stderr.replaceAll(/[\s›]+/g, ' ')
  expect(said).toMatch(/Stage the images: 3 images, 1 skipped: out\.jpg is outside the table's folder/)
  expect(said).toMatch(
    /1 link leads outside the folder and is not followed; allow its folder with --image-root FOLDER: linked/,
  )
  const { rows } = rowsDocument.parse((await user.run(['results', '--local', '--json'])).json())
  expect(Object.fromEntries(rows.map((row) => [row['asset_id'], row['status']]))).toEqual({
    'c.jpg': 'ok',
    cam: 'ok',
    inner: 'ok',
    'out.jpg': 'failed',
  })
  expect((await uploaded()).filter((bytes) => bytes.includes(SECRET))).toEqual([])
})

test('a folder that disappears before its images are staged stops the run and leaves nothing behind', async () => {
  const table = await writeTable('gone.jsonl', { fine: 'a.jpg' })
  const before = await cloud.inventory()
  await mkdir(work('short-lived'))
  await copyFile(table, work('short-lived', 'signs.jsonl'))
  await setFaults([{ method: 'bigquery.jobs.*', effect: { kind: 'delay', delayMs: 400 } }])
  const running = run('--table', work('short-lived', 'signs.jsonl'))
  await expect
    .poll(async () => (await cloud.inventory()).length, { timeout: 30_000, interval: 50 })
    .toBeGreaterThan(before.length)
  await rm(work('short-lived'), { recursive: true })
  const outcome = await running
  await setFaults([])
  expect(outcome.exitCode).toBe(1)
  expect(outcome.error()).toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: expect.stringContaining(work('short-lived')),
  })
  expect(await cloud.inventory()).toEqual(before)
})

async function setFaults(rules: readonly object[]): Promise<void> {
  const { http, adminToken } = cloud.locator
  const answer = await fetch(new URL('/_imagery/faults', http), {
    method: 'PUT',
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(rules),
  })
  expect(answer.status).toBe(200)
}
