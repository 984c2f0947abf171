import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Storage } from '@google-cloud/storage'
import { PassThroughClient } from 'google-auth-library'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redacted } from '../../src/contracts/redaction.ts'
import { downloadObject } from '../../src/google/storage/download.ts'
import { CloudError, cloudError } from '../../src/google/transport/errors.ts'
import { createLogger } from '../../src/runtime/log.ts'
import { AttemptFailure, UnreadableImage } from '../../src/runtime/models/model.ts'
import { TASK } from './fixtures.ts'
import { mainService } from './main-service.ts'
import { envelope, populateService, SHARD } from './populate-service.ts'

const ACCESS_TOKEN = 'ya29.a0AfH6SMBx-local.c_d'
const ID_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl-_'
const SIGNED_URL =
  'https://storage.googleapis.com/images/a.jpg?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=me%40p&X-Goog-Signature=0123abcd'
const KEY = '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----'
const SECRETS = [ACCESS_TOKEN, ID_TOKEN, '0123abcd', 'MIIEvQIBADANBg', 'AIzaSyA-1234567890123456789012345678901']
const SPEECH = `Refused: authorization: Bearer ${ACCESS_TOKEN}, token ${ID_TOKEN}, ${SIGNED_URL} ${KEY} ?key=${SECRETS[4]}`

function expectNoSecret(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret)
}

describe('a secret in a message', () => {
  test('is removed, and the other words stay', () => {
    const shown = redacted(SPEECH)
    expectNoSecret(shown)
    expect(shown).toMatch(/^Refused: authorization: Bearer \[removed\], token \[token removed\], https:\/\/storage/)
  })

  test.each([
    'gs://images/key=1/Bearer.jpg',
    'unexpected "aud" claim value, Bearer token needed',
    'the object 1//2 and eyJ alone',
    'SIGNATURE_REMOVED_BY_GOOGLE',
  ])('is not detected in harmless words: %s', (text) => {
    expect(redacted(text)).toBe(text)
  })

  test('appears in no error of a call to Google, whichever code repeats it', async () => {
    const server = createServer((request, response) =>
      response.writeHead(403).end(`no: ${request.headers['authorization']}`),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = new PassThroughClient()
    client.getRequestHeaders = async () => new Headers({ authorization: `Bearer ${ACCESS_TOKEN}` })
    const apiEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const storage = new Storage({ projectId: 'demo', apiEndpoint, useAuthWithCustomEndpoint: true, authClient: client })
    const error = await downloadObject(storage, { bucket: 'bucket', path: 'object' }, 1_000).catch(
      (thrown: unknown) => thrown,
    )
    server.close()
    expect(error).toMatchObject({ status: 'PERMISSION_DENIED', message: 'no: Bearer [removed]' })
  })

  test('appears in no log line, answer or row, whichever part fails', async () => {
    const failures = [
      new Error(SPEECH),
      new CloudError('PERMISSION_DENIED', SPEECH),
      cloudError(Object.assign(new Error(SPEECH), { code: 3 })),
      new AttemptFailure('model_error', redacted(SPEECH), { retryable: false, cause: new Error(SPEECH) }),
      new UnreadableImage(SIGNED_URL, 'is not a gs:// URI'),
    ]
    for (const failure of failures) {
      const model = mainService({ answer: () => Promise.reject(failure) })
      const ledger = mainService({ append: () => Promise.reject(failure) })
      const cloud = populateService({ createTaskBatch: () => Promise.reject(failure) })
      const answers = [
        await (await model.process(TASK, { 'x-cloudtasks-taskretrycount': '2' })).text(),
        await (await ledger.process()).text(),
        JSON.stringify((await cloud.push()).body),
      ]
      expectNoSecret(JSON.stringify([model.entries, ledger.entries, cloud.entries, answers, model.rows]))
    }
  })
})

describe('a log line', () => {
  test('has a limited length for any event', () => {
    const lines: string[] = []
    const log = createLogger({ level: 'DEBUG', write: (line) => void lines.push(line), now: () => 0 })
    const long = 'x'.repeat(5_000_000)
    const error = new Error(long, { cause: new Error(long) })
    log.error(long, {
      error,
      asset_id: long,
      path: long,
      list: Array.from({ length: 10_000 }, () => long.slice(0, 99)),
    })
    expect(lines).toHaveLength(1)
    expect(lines[0]!.length).toBeLessThan(64 * 1_024)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      severity: 'ERROR',
      message: expect.stringContaining('cut') as string,
    })
  })
})

describe('a body', () => {
  const MIB = 1_024 * 1_024

  /** `bytes` in pieces, its length not stated. */
  const unstated = (bytes: number): RequestInit => {
    let left = bytes
    const body = new ReadableStream({
      pull(controller) {
        const size = Math.min(left, 64 * 1_024)
        left -= size
        if (size > 0) controller.enqueue(new Uint8Array(size).fill(0x20))
        else controller.close()
      },
    })
    return { method: 'POST', body, duplex: 'half' }
  }

  test.each(['/process', '/setup', '/teardown'])('of more than 1 MiB is not read at main %s', async (route) => {
    const { app, rows } = mainService()
    expect((await app.request(route, unstated(MIB + 1))).status).toBe(413)
    expect((await app.request(route, unstated(Infinity))).status).toBe(413)
    expect(rows).toEqual([])
  })

  test('of more than 1 MiB is not read at populate', async () => {
    const { app, tasks } = populateService()
    const large = JSON.stringify({ ...envelope(SHARD), filler: 'x'.repeat(MIB) })
    const stated = { method: 'POST', body: large, headers: { 'content-length': String(large.length) } }
    expect((await app.request('/', stated)).status).toBe(413)
    expect((await app.request('/', unstated(Infinity))).status).toBe(413)
    expect(tasks.size).toBe(0)
  })
})

describe('an oversized object', () => {
  const MAX = 100_000
  let server: Server
  let storage: Storage
  let headers: Record<string, string>
  let sent: number

  beforeAll(async () => {
    // Sends without end, as long as the reader reads.
    server = createServer((_request, response) => {
      response.writeHead(200, headers)
      sent = 0
      const piece = Buffer.alloc(16_384)
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length
      }
      response.on('drain', more)
      more()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const apiEndpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    storage = new Storage({
      projectId: 'demo',
      apiEndpoint,
      useAuthWithCustomEndpoint: true,
      authClient: new PassThroughClient(),
    })
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  test.each([
    ['says so', { 'content-length': '2147483648' }],
    ['does not say how large it is', {}],
  ])('and %s is refused, and not read', async (_what, given) => {
    headers = given
    await expect(downloadObject(storage, { bucket: 'bucket', path: 'object' }, MAX)).rejects.toMatchObject({
      status: 'OUT_OF_RANGE',
      retryable: false,
      message: 'gs://bucket/object is larger than 100000 bytes',
    })
    expect(sent).toBeLessThan(20_000_000)
  })
})
