import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { Storage } from '@google-cloud/storage'
import { PassThroughClient } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { OBJECT_FILE_HEADER, TAKES_FILE_HEADER } from '@imagery/local-cloud/contract/object-file'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { bigQuery, ensureDataset, ensureTable, queryRows, queryStream } from '../../src/google/bigquery/bigquery.ts'
import { loadFile, queryIntoTable } from '../../src/google/bigquery/jobs.ts'
import { tableRows } from '../../src/google/bigquery/table-rows.ts'
import { cancelJobsOn, jobsSettled } from '../../src/google/bigquery/jobs-in-flight.ts'
import { downloadObject, downloadRange } from '../../src/google/storage/download.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { createBucket } from '../../src/google/storage/bucket.ts'
import { LocalFiles } from '../../src/google/storage/local-file.ts'
import { readObject, readObjectRange, storageClient, writeObject } from '../../src/google/storage/storage.ts'

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

describe('an object', () => {
  beforeAll(async () => {
    const settings = { labels: {}, expiring: { prefix: 'deploy/', days: 1 } }
    await createBucket('imagery-download', { ...project, ...settings, location: 'US' })
  })

  test('is read with any character in its name', async () => {
    const uri = 'gs://imagery-download/a folder/ü?#%2F+.png'
    await writeObject(uri, 'bytes', { contentType: 'image/png' })
    expect((await readObject(uri)).toString()).toBe('bytes')
  })

  test('that is empty has no bytes', async () => {
    await writeObject('gs://imagery-download/empty', '', { contentType: 'image/png' })
    expect(await readObject('gs://imagery-download/empty')).toHaveLength(0)
  })

  test('is read in parts, each with the size and the checksums of the whole', async () => {
    const uri = 'gs://imagery-download/parts'
    await writeObject(uri, '0123456789', { contentType: 'image/png' })
    const whole = { size: 10, checksums: expect.stringMatching(/^crc32c=\S+,md5=\S+$/) as string }
    expect(await readObjectRange(uri, 0, 4)).toEqual({ bytes: Buffer.from('0123'), ...whole })
    expect(await readObjectRange(uri, 8, 64)).toEqual({ bytes: Buffer.from('89'), ...whole })
  })

  test('that is empty has no parts', async () => {
    await writeObject('gs://imagery-download/nothing', '', { contentType: 'image/png' })
    expect(await readObjectRange('gs://imagery-download/nothing', 0, 64)).toMatchObject({ bytes: Buffer.of(), size: 0 })
  })

  test('that is stored compressed is unpacked whole before a part of it is taken', async () => {
    const client = await storageClient()
    const file = client.bucket('imagery-download').file('packed')
    await file.save(gzipSync('0123456789'), { resumable: false, metadata: { contentEncoding: 'gzip' } })
    const part = await readObjectRange('gs://imagery-download/packed', 2, 3)
    expect([part.bytes.toString(), part.size]).toEqual(['234', 10])
  })

  test("that does not exist is refused in Cloud Storage's words", async () => {
    const missing = { status: 'NOT_FOUND', message: expect.stringContaining('No such object') as string }
    await expect(readObject('gs://imagery-download/missing')).rejects.toMatchObject(missing)
    await expect(readObjectRange('gs://imagery-download/missing', 0, 64)).rejects.toMatchObject(missing)
  })
})

describe('a file of this machine', () => {
  const uri = 'gs://imagery-download/from a file/ü.jpg'
  const fileOf = (content: string | Buffer) => {
    const file = path.join(directory, 'photo.jpg')
    writeFileSync(file, content)
    return { path: file, stats: statSync(file, { bigint: true }) }
  }

  test('becomes an object of the local cloud without an upload', async () => {
    expect(await new LocalFiles().store(uri, fileOf('photo'), 'image/jpeg')).toBe(true)
    expect((await readObject(uri)).toString()).toBe('photo')
    const { calls } = (await admin('GET', 'state')) as { calls: Record<string, number> }
    await writeObject(uri, 'uploaded', { contentType: 'image/jpeg' })
    expect(await new LocalFiles().store(uri, fileOf('again'), 'image/jpeg')).toBe(true)
    const after = (await admin('GET', 'state')) as { calls: Record<string, number> }
    expect(after.calls['storage.objects.insert']).toBe((calls['storage.objects.insert'] ?? 0) + 1)
    const whole = { size: 5, checksums: expect.stringMatching(/^crc32c=[^,\s]+$/) as string }
    expect(await readObjectRange(uri, 0, 2)).toEqual({ bytes: Buffer.from('ag'), ...whole })
  })

  test('is read in parts, whether they are small or large', async () => {
    const bytes = randomBytes(200_000)
    expect(await new LocalFiles().store(uri, fileOf(bytes), 'image/jpeg')).toBe(true)
    for (const [first, length] of [
      [0, 65_536],
      [65_536, 100_000],
      [150_000, 100_000],
      [199_990, 20],
      [200_000, 65_536],
    ] as const) {
      const read = await readObjectRange(uri, first, length)
      expect([first, read.bytes.equals(bytes.subarray(first, first + length)), read.size]).toEqual([
        first,
        true,
        200_000,
      ])
    }
  })

  test.each<[string, () => Promise<boolean>]>([
    [
      'it has changed since it was checked',
      async () => {
        const file = fileOf('before')
        writeFileSync(file.path, 'after, and longer')
        return new LocalFiles().store(uri, file, 'image/jpeg')
      },
    ],
    [
      'the caller acts as another account, whose permissions an upload checks',
      async () => {
        vi.stubEnv('GCE_METADATA_HOST', '127.0.0.1:1')
        return new LocalFiles().store(uri, fileOf('photo'), 'image/jpeg').finally(() => vi.unstubAllEnvs())
      },
    ],
    ['there is no bucket', () => new LocalFiles().store('gs://no-such-bucket/a.jpg', fileOf('photo'), 'image/jpeg')],
  ])('is left to an upload if %s', async (_when, store) => {
    await writeObject(uri, 'untouched', { contentType: 'image/jpeg' })
    expect(await store()).toBe(false)
    expect((await readObject(uri)).toString()).toBe('untouched')
  })
})

describe('a download', () => {
  const image = Buffer.from('the bytes of an image')
  let server: Server
  /** `unpacked` is for requests that do not accept compression (https://cloud.google.com/storage/docs/transcoding). */
  let answer: { headers: Record<string, string>; body: Buffer; unpacked?: Buffer }
  /** The file that the server names instead, to a client that takes one. */
  let file: string | undefined
  let storage: Storage

  beforeAll(async () => {
    server = createServer(({ headers }, response) => {
      const { unpacked } = answer
      if (file !== undefined && headers[TAKES_FILE_HEADER] !== undefined) {
        const size = { 'x-goog-stored-content-length': String(image.length) }
        const range = headers.range?.replace(/^bytes=/, 'bytes ')
        const part = range === undefined ? {} : { 'content-range': `${range}/${image.length}` }
        const named = { ...size, ...part, [OBJECT_FILE_HEADER]: encodeURIComponent(file) }
        response.writeHead(range === undefined ? 200 : 206, named).end()
      } else if (unpacked === undefined || headers['accept-encoding'] !== undefined) {
        response.writeHead(200, answer.headers).end(answer.body)
      } else {
        const { 'content-encoding': _, ...sent } = answer.headers
        response.writeHead(200, sent)
        response.write(unpacked)
        response.end()
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    storage = new Storage({
      projectId: 'demo',
      apiEndpoint: `http://127.0.0.1:${port}`,
      useAuthWithCustomEndpoint: true,
      authClient: new PassThroughClient(),
    })
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  /** CRC32C bit by bit, by its definition (https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4). */
  function crc32c(bytes: Buffer): string {
    let sum = 0xff_ff_ff_ff
    for (const byte of bytes) {
      sum ^= byte
      for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82_f6_3b_78 : sum >>> 1
    }
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32BE((sum ^ 0xff_ff_ff_ff) >>> 0)
    return checksum.toString('base64')
  }

  test('whose bytes match the checksum is accepted', async () => {
    answer = { headers: { 'x-goog-hash': `crc32c=${crc32c(image)},md5=abc=` }, body: image }
    expect(await downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).toEqual(image)
  })

  test('whose bytes do not match the checksum is refused as retryable', async () => {
    answer = { headers: { 'x-goog-hash': `crc32c=${crc32c(Buffer.from('others'))}` }, body: image }
    await expect(downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).rejects.toMatchObject({
      status: 'UNAVAILABLE',
      retryable: true,
    })
  })

  test('of a compressed object returns the decompressed bytes', async () => {
    const stored = gzipSync(image)
    answer = {
      headers: {
        'content-encoding': 'gzip',
        'x-goog-stored-content-encoding': 'gzip',
        'x-goog-hash': `crc32c=${crc32c(stored)}`,
      },
      body: stored,
      unpacked: image,
    }
    expect(await downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000)).toEqual(image)
  })

  test('of an object that is too large after decompression is refused', async () => {
    const unpacked = Buffer.alloc(1_000_000)
    const headers = { 'content-encoding': 'gzip', 'x-goog-stored-content-encoding': 'gzip' }
    answer = { headers, body: gzipSync(unpacked), unpacked }
    await expect(downloadObject(storage, { bucket: 'bucket', path: 'object' }, 100_000)).rejects.toMatchObject({
      status: 'OUT_OF_RANGE',
    })
  })

  test('from a local cloud takes the file that it names, or the bytes if that cannot be read', async () => {
    const object = { bucket: 'bucket', path: 'object' }
    answer = { headers: {}, body: Buffer.from('newer bytes') }
    const named = path.join(directory, 'the file ü.jpg')
    writeFileSync(named, image)
    try {
      useLocalCloud({ ...cloud.locator, http: storage.apiEndpoint })
      file = named
      expect(await downloadObject(storage, object, 1_000)).toEqual(image)
      await expect(downloadObject(storage, object, 5)).rejects.toMatchObject({ status: 'OUT_OF_RANGE' })
      const part = await downloadRange(storage, object, { first: 4, length: 5, maxBytes: 1_000 })
      expect(part).toEqual({ bytes: image.subarray(4, 9), size: image.length, checksums: undefined })
      writeFileSync(named, 'shorter')
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
      file = path.join(directory, 'missing.jpg')
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
      file = named
      useLocalCloud(cloud.locator)
      expect(await downloadObject(storage, object, 1_000)).toEqual(answer.body)
    } finally {
      file = undefined
      useLocalCloud(cloud.locator)
    }
  })
})
