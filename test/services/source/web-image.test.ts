import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { generate } from 'selfsigned'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isPublicAddress } from '../../../src/services/source/public-address.ts'
import { fetchWebImage, isWebAddress } from '../../../src/services/source/web-image.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let server: Server
let authority: string
let cache: string
let asked: string[]
let answer: Answer

const JPEG = Buffer.from('ffd8ffe0', 'hex')

beforeAll(async () => {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  })
  authority = made.cert
  server = createServer({ key: made.private, cert: made.cert }, (request, response) => {
    asked.push(request.url ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'imagery-web-'))
  asked = []
  answer = (_request, response) => void response.end(JPEG)
})

afterEach(() => rmSync(cache, { recursive: true }))

afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const url = (name: string): string => `https://localhost:${(server.address() as AddressInfo).port}/${name}`
const isHere = (address: string): boolean => address === '127.0.0.1'

async function fetched(address: string, mayConnect = isHere): Promise<Buffer | string> {
  const outcome = await fetchWebImage(address, { cache, authority, mayConnect, firstPauseMs: 1 })
  return 'bytes' in outcome ? outcome.bytes : outcome.refused
}

const redirect =
  (location: string): Answer =>
  (_request, response) =>
    void response.writeHead(302, { location }).end()

describe('an image on the web', () => {
  test('is fetched once, and then comes from the cache by its URL', async () => {
    expect(await fetched(url('a.jpg?size=1'))).toEqual(JPEG)
    expect(await fetched(`  ${url('a.jpg?size=1')} `)).toEqual(JPEG)
    expect(asked).toEqual(['/a.jpg?size=1'])
    expect(await fetched(url('a.jpg?size=2'))).toEqual(JPEG)
    expect(asked).toHaveLength(2)
  })

  test('is fetched after redirects', async () => {
    answer = (request, response) =>
      request.url === '/new/b.jpg' ? void response.end(JPEG) : redirect('/new/b.jpg')(request, response)
    expect(await fetched(url('old.jpg'))).toEqual(JPEG)
  })

  test('is not kept if it is none: a page that asks for a login can become the image', async () => {
    answer = (_request, response) => void response.end('<html>Log in</html>')
    expect(await fetched(url('a.jpg'))).toEqual(Buffer.from('<html>Log in</html>'))
    answer = (_request, response) => void response.end(JPEG)
    expect(await fetched(url('a.jpg'))).toEqual(JPEG)
  })

  test.each<[string, Answer]>([
    ['head', () => undefined],
    ['body', (_request, response) => void response.writeHead(200).write(JPEG)],
  ])('whose %s does not end is given up after the time for one image, and not tried again', async (_part, how) => {
    answer = how
    const outcome = await fetchWebImage(url('a.jpg'), { cache, authority, mayConnect: isHere, wholeMs: 200 })
    expect(outcome).toEqual({ refused: 'could not be fetched within 0.2 s' })
    expect(asked).toHaveLength(1)
  })

  test.each<[string, Answer, string, number]>([
    ['a page that is gone', (_, response) => void response.writeHead(404).end(), 'answered HTTP 404', 1],
    ['a busy server', (_, response) => void response.writeHead(503).end(), 'answered HTTP 503', 3],
    ['a connection that breaks', (request) => void request.socket.destroy(), 'could not be fetched: ', 3],
    ['a redirect to http', redirect('http://localhost/a.jpg'), 'it redirects to another scheme than https', 1],
    ['a redirect to a file', redirect('file:///etc/passwd'), 'it redirects to another scheme than https', 1],
    ['endless redirects', redirect('/again'), 'it redirects more than 5 times', 6],
    [
      'a redirect to a metadata server',
      redirect('https://169.254.169.254/computeMetadata/v1/'),
      '169.254.169.254 is an address of this machine or of a private network',
      1,
    ],
    [
      'a body that says it is too large',
      (_, response) => void response.writeHead(200, { 'content-length': 65 * 1024 ** 2 }).write('x'),
      'is larger than 64 MiB',
      1,
    ],
    [
      'a body that is too large',
      (_, response) => {
        const block = Buffer.alloc(1024 * 1024)
        for (let index = 0; index < 66; index++) response.write(block)
        response.end()
      },
      'is larger than 64 MiB',
      1,
    ],
  ])('is refused for %s, and is not kept', async (_what, how, reason, requests) => {
    answer = how
    expect(await fetched(url('a.jpg'))).toContain(reason)
    expect(asked).toHaveLength(requests)
    expect(readdirSync(cache)).toEqual([])
  })

  test.each(['https://localhost:PORT/a.jpg', 'https://127.0.0.1:PORT/a.jpg', 'https://0x7f.1:PORT/a.jpg'])(
    'at %s is not fetched, because it is of this machine',
    async (address) => {
      const port = (server.address() as AddressInfo).port
      expect(await fetched(address.replace('PORT', String(port)), isPublicAddress)).toMatch(
        /^is not fetched: \S+ is an address of this machine or of a private network/,
      )
      expect(asked).toEqual([])
    },
  )

  test('is refused by name if its host does not exist, its certificate is not trusted, or it is no URL', async () => {
    expect(await fetched('https://imagery.invalid/a.jpg')).toMatch(/^could not be fetched: .*imagery\.invalid/)
    expect(await fetchWebImage(url('a.jpg'), { cache, mayConnect: isHere, firstPauseMs: 1 })).toMatchObject({
      refused: expect.stringMatching(/^could not be fetched: .*self.signed/),
    })
    expect(await fetched('https://')).toBe('is not fetched: it is no valid URL')
  })
})

test.each([
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['172.31.0.1', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['8.8.8.8', true],
  ['::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:8.8.8.8', false],
  ['fe80::1', false],
  ['fd00::1', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001:db8::1', false],
  ['2607:f8b0:4005:80b::200e', true],
  ['localhost', false],
])('%s is a public address: %j', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected)
})

test('a web address is https, in any case and after spaces', () => {
  expect(['https://a/b', ' HTTPS://a/b', 'http://a/b', 'a/https://b', 'gs://b/a'].map(isWebAddress)).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
})
