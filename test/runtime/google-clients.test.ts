import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { bigQuery, ensureDataset, ensureTable, queryRows, queryStream } from '../../src/google/bigquery/bigquery.ts'
import { loadFile, queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { tableRows } from '../../src/google/bigquery/table-rows.ts'
import { cancelJobsOn, jobsSettled } from '../../src/google/bigquery/jobs-in-flight.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'

/** More than fits on a page of either kind. */
const MANY = 4_500

const project = { projectId: 'imagery-local' }
const query = { ...project, location: 'US' }

let directory: string
let cloud: LocalCloud

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-clients-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
  useLocalCloud(cloud.locator)
})

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function admin(method: 'GET' | 'PUT', route: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${cloud.locator.http}/_imagery/${route}`, {
    method,
    headers: { authorization: `Bearer ${cloud.locator.adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return response.json()
}

const setFaults = (rules: object[]): Promise<unknown> => admin('PUT', 'faults', rules)

const pagesRead = async (): Promise<number> =>
  ((await admin('GET', 'state')) as { calls: Record<string, number> }).calls['bigquery.tabledata.list'] ?? 0

describe('rows on several pages', () => {
  const numbers = `SELECT number FROM UNNEST(GENERATE_ARRAY(1, ${MANY})) AS number`

  test('are all returned from a query', async () => {
    const rows = await Array.fromAsync(queryStream<{ number: number }>(numbers, query))
    expect(new Set(rows.map(({ number }) => number)).size).toBe(MANY)
  })

  test('are all returned from a table', async () => {
    const table = { ...project, dataset: 'many', table: 'numbers' }
    await ensureDataset(table, { location: 'US', description: 'Numbers.' })
    await queryIntoTable(numbers, { ...query, jobId: 'numbers', destination: table, labels: {}, clusterBy: ['number'] })
    const rows = await Array.fromAsync(tableRows(table))
    expect(new Set(rows.map((row) => row['number'])).size).toBe(MANY)
  })

  // A page has 10 MB (https://cloud.google.com/bigquery/docs/paging-results). The second half has larger rows.
  test('are all returned from a large table, with few requests', async () => {
    const table = { ...project, dataset: 'many', table: 'large' }
    const large = `SELECT number, REPEAT('x', IF(number > 60000, 400, 10)) AS text FROM UNNEST(GENERATE_ARRAY(1, 120000)) AS number`
    await queryIntoTable(large, { ...query, jobId: 'large', destination: table, labels: {}, clusterBy: ['number'] })
    const before = await pagesRead()
    const read = new Set<unknown>()
    for await (const row of tableRows(table)) read.add(row['number'])
    expect(read.size).toBe(120_000)
    expect((await pagesRead()) - before).toBeLessThan(12)
  })

  test('are not read further than they are needed', async () => {
    const before = await pagesRead()
    for await (const row of tableRows({ ...project, dataset: 'many', table: 'large' })) {
      expect(row).toHaveProperty('number')
      break
    }
    expect((await pagesRead()) - before).toBe(1)
  })
})

test('a load that fails names the row, where the job itself only counts its errors', async () => {
  const name = { projectId: 'imagery-local', dataset: 'loads', table: 'bad_rows' }
  await ensureDataset(name, { location: 'US', description: 'loads' })
  await ensureTable(name, { columns: [], description: 'bad rows', labels: {} })
  const file = path.join(directory, 'rows.jsonl')
  writeFileSync(file, '{"a":"x"}\n{"b":"y"}\n')
  const load = { format: 'NEWLINE_DELIMITED_JSON', file, schema: [{ name: 'a', type: 'STRING' }] } as const
  await expect(loadFile(name, load, { location: 'US' })).rejects.toThrow(
    'JSON parsing error in row starting at position 10: No such field: b.',
  )
})

describe('a query whose rows do not come in time', () => {
  const endless = `SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS x, UNNEST(GENERATE_ARRAY(1, 10000)) AS y,
    UNNEST(GENERATE_ARRAY(1, 10000)) AS z
    WHERE MOD(x * y * z, 7) = 5`
  const lastEnd = async (): Promise<string | undefined> => {
    const [[job]] = await (await bigQuery(project.projectId)).getJobs({ maxResults: 1, autoPaginate: false })
    return (job?.metadata as { errorResult?: { message: string } } | undefined)?.errorResult?.message
  }

  test('is canceled', async () => {
    await expect(queryRows(endless, { ...query, timeoutMs: 500 })).rejects.toMatchObject({
      status: 'DEADLINE_EXCEEDED',
    })
    await vi.waitFor(async () => expect(await lastEnd()).toMatch(/cancel/), { timeout: 10_000 })
  })

  test('is canceled even if its creation was never answered', async () => {
    await setFaults([{ method: 'bigquery.jobs.insert', effect: { kind: 'lose-answer' } }])
    await expect(queryRows(endless, { ...query, timeoutMs: 3_000 })).rejects.toMatchObject({ retryable: true })
    await setFaults([])
    await vi.waitFor(async () => expect(await lastEnd()).toMatch(/cancel/), { timeout: 10_000 })
  })

  test('returns its rows if only the first answer to its creation was lost', async () => {
    await setFaults([{ method: 'bigquery.jobs.insert', times: 1, effect: { kind: 'lose-answer' } }])
    await expect(queryRows('SELECT 1 AS one', query)).resolves.toEqual([{ one: 1 }])
    await setFaults([])
  })
})

describe('a query that a user interrupts', () => {
  const endless = `SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS x, UNNEST(GENERATE_ARRAY(1, 10000)) AS y,
    UNNEST(GENERATE_ARRAY(1, 10000)) AS z
    WHERE MOD(x * y * z, 7) = 3`
  const interrupted = new Error('Ctrl-C')
  const intoTable = (jobId: string): Promise<unknown> =>
    queryIntoTable(endless, {
      ...query,
      jobId,
      destination: { ...project, dataset: 'many', table: 'never' },
      labels: {},
      clusterBy: [],
    })
  const states = async (): Promise<(string | undefined)[]> => {
    const [jobs] = await (await bigQuery(project.projectId)).getJobs({ maxResults: 3, autoPaginate: false })
    return jobs.map(({ metadata }) => (metadata as { errorResult?: { reason: string } }).errorResult?.reason)
  }

  test.each([
    ['for its rows', () => queryRows(endless, query)],
    ['for its rows one by one', () => Array.fromAsync(queryStream(endless, query))],
    ['for its table', () => intoTable('endless')],
  ])('is canceled when it was started %s', async (_what, ask) => {
    const control = new AbortController()
    cancelJobsOn(control.signal)
    const asked = ask()
    asked.catch(() => undefined)
    await vi.waitFor(async () => expect(await states()).toContain(undefined), { timeout: 10_000 })
    control.abort(interrupted)
    await expect(asked).rejects.toBe(interrupted)
    await jobsSettled()
    await vi.waitFor(async () => expect((await states())[0]).toBe('stopped'), { timeout: 10_000 })
    cancelJobsOn(new AbortController().signal)
  })

  test('does not stop later queries of the command', async () => {
    cancelJobsOn(AbortSignal.abort(interrupted))
    await expect(queryRows('SELECT 1 AS one', query)).resolves.toEqual([{ one: 1 }])
    cancelJobsOn(new AbortController().signal)
  })

  test('is not canceled if another process started it', async () => {
    const client = await bigQuery(project.projectId)
    const [theirs] = await client.createQueryJob({ query: endless, location: 'US', jobId: 'theirs' })
    const control = new AbortController()
    cancelJobsOn(control.signal)
    const waiting = intoTable('theirs')
    control.abort(interrupted)
    await expect(waiting).rejects.toBe(interrupted)
    await jobsSettled()
    expect((await theirs.getMetadata())[0]).toMatchObject({ status: { state: 'RUNNING' } })
    cancelJobsOn(new AbortController().signal)
    await theirs.cancel()
  })
})
