import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { officialClients } from './official-clients.ts'

const DAY_MS = 86_400_000

let user: ImageryUser

beforeAll(async () => {
  user = await newUser()
  await writeFile(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "gs://street/a.jpg"}\n')
  const faults = path.join(user.folder, 'faults.json')
  const stall = { method: 'bigquery.tables.patch', effect: { kind: 'delay', delayMs: 600_000 } }
  await writeFile(faults, JSON.stringify([stall]))
  expect(await user.run(['local', 'start', '--detach', '--faults', faults])).toMatchObject({ exitCode: 0 })
})

afterAll(() => user.leave())

interface Metadata {
  numRows?: string
  labels?: Record<string, string>
  expirationTime?: string
}

test('a command that is killed before it has recorded its run leaves no loaded table that stays', async () => {
  const { bigQuery } = await officialClients(user.dataDirectory)
  const loaded = async (): Promise<Metadata | undefined> => {
    const [datasets] = await bigQuery.getDatasets()
    const tables = (await Promise.all(datasets.map((dataset) => dataset.getTables()))).flatMap(([found]) => found)
    const source = tables.find(({ id }) => id?.endsWith('_source'))
    return source && ((await source.getMetadata())[0] as Metadata)
  }
  const { process: command, outcome } = user.start([
    'run',
    '--local',
    '--table',
    'signs.jsonl',
    '--profile',
    'resolution',
  ])
  await expect.poll(async () => (await loaded())?.numRows, { timeout: 30_000, interval: 50 }).toBe('1')
  command.kill('SIGKILL')
  await outcome.catch(() => undefined)

  const left = await loaded()
  expect(left?.labels).toEqual({ 'imagery-run': expect.stringMatching(/^\d{6}-[0-9a-f]{8}$/) as string })
  expect(Number(left?.expirationTime)).toBeGreaterThan(Date.now())
  expect(Number(left?.expirationTime)).toBeLessThan(Date.now() + 7 * DAY_MS)
  expect((await user.run(['runs', '--local', '--json'])).json()).toEqual({ runs: [] })
})
