import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { REQUEST_HEADER } from '@imagery/viewer/contract/http'
import type { Summary } from '@imagery/viewer/contract/source'
import { viewApp } from '../../../src/services/view/app.ts'
import { checkPort, startViewServer } from '../../../src/services/view/server.ts'
import { FIELDS, generatedPages } from './generated-rows.ts'
import { send, serveRows, type ServedRun } from './served-run.ts'

const HOSTILE = [
  '<script>alert(1)</script>',
  `'); DROP TABLE rows; --`,
  '=HYPERLINK("http://evil.example","x")',
  '\u202e\u0000 right-to-left and zero',
  '../../../../etc/passwd',
]

let served: ServedRun
let nowMs = Date.UTC(2026, 10, 30)

beforeAll(async () => {
  const rows = (await Array.fromAsync(generatedPages(60))).flat()
  for (const [index, text] of HOSTILE.entries())
    Object.assign(rows[index]!, { unit_id: `${text} ${index}`, asset_id: text, material: text, status: 'ok' })
  served = await serveRows(FIELDS, rows, { now: () => nowMs })
  await mkdir(path.join(served.folder, 'app', 'assets'), { recursive: true })
  await writeFile(path.join(served.folder, 'app', 'index.html'), '<!doctype html><title>app</title>')
  await writeFile(path.join(served.folder, 'app', 'assets', 'app-1f.js'), 'export {}')
  await writeFile(path.join(served.folder, 'app', 'secret.pem'), 'secret')
  await writeFile(path.join(served.folder, 'outside.js'), 'secret')
})

afterAll(() => served.close())

const summary = { body: { filter: [] } }

describe('the server of imagery view', () => {
  test('answers its own page', async () => {
    const answer = await served.ask('/api/summary', {
      ...summary,
      headers: { origin: `http://127.0.0.1:${served.server.port}`, 'sec-fetch-site': 'same-origin' },
    })
    expect(answer.status).toBe(200)
    expect((answer.json() as Summary).rows).toBe(60)
    expect(answer.headers['cache-control']).toBe('no-store')
  })

  test('listens on this machine only', async () => {
    expect(new URL(served.server.url).hostname).toBe('127.0.0.1')
  })

  test.each([
    '/',
    '/assets/app-1f.js',
    '/api/run',
    '/api/marks',
    '/api/export?format=csv',
    '/api/image?unit=a&index=0&size=full',
    '/api/events',
  ])('refuses %s without the cookie, and with a wrong one', async (target) => {
    for (const cookie of [undefined, `imagery-view-${served.server.port}=x`, served.cookie.slice(0, -1)]) {
      const answer = await served.ask(target, { signedIn: false, headers: cookie === undefined ? {} : { cookie } })
      expect(answer.status).toBe(401)
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
      expect(answer.text).toContain('Open the address that imagery view printed')
    }
  })

  test.each(['evil.example', 'evil.example:80', '127.0.0.1', 'localhost.evil.example', '127.0.0.1.nip.io', '[::1]'])(
    'refuses the host "%s", also with the cookie: another name can lead to this machine',
    async (name) => {
      const host = name.includes(':80') ? name : `${name}:${name === '127.0.0.1' ? 1 : served.server.port}`
      for (const target of ['/api/run', '/', '/open?token=x'])
        expect((await served.ask(target, { headers: { host } })).status).toBeGreaterThanOrEqual(400)
      const answer = await served.ask('/api/summary', { ...summary, headers: { host } })
      expect([400, 403]).toContain(answer.status)
    },
  )

  test('answers for localhost', async () => {
    const host = `localhost:${served.server.port}`
    expect((await served.ask('/api/run', { headers: { host } })).status).toBe(200)
  })

  test("answers on HTTP's own port, which no browser names", async () => {
    const access = { port: 80, token: 't', launch: undefined, session: 's' }
    const { viewing: viewed, folder } = served
    const app = viewApp({
      access: () => access,
      viewed,
      folder,
      signal: new AbortController().signal,
      now: () => nowMs,
    })
    const cookie = 'imagery-view-80=s'
    const asked = async (headers: Record<string, string>) =>
      (await app.request('/api/run', { headers: { cookie, ...headers } })).status
    expect(await asked({ host: '127.0.0.1', origin: 'http://127.0.0.1' })).toBe(200)
    expect(await asked({ host: 'localhost' })).toBe(200)
    expect(await asked({ host: '127.0.0.1:81' })).toBe(403)
    expect(await asked({ host: 'evil.example' })).toBe(403)
    expect(await asked({ host: '127.0.0.1', origin: 'http://127.0.0.1:81' })).toBe(403)
  })

  test.each(['http://evil.example', 'null', 'http://127.0.0.1:1', 'https://127.0.0.1', 'http://localhost'])(
    'refuses the origin %s, also with the cookie',
    async (origin) => {
      expect((await served.ask('/api/summary', { ...summary, headers: { origin } })).status).toBe(403)
      expect((await served.ask('/api/run', { headers: { origin } })).status).toBe(403)
    },
  )

  test.each(['cross-site', 'same-site', 'something-new'])(
    'refuses what a page of another origin loads as an image or a script (Sec-Fetch-Site: %s)',
    async (site) => {
      const targets = ['/api/image?unit=a&index=0&size=full', '/api/run', '/assets/app-1f.js', '/api/export?format=csv']
      for (const target of targets)
        expect((await served.ask(target, { headers: { 'sec-fetch-site': site } })).status).toBe(403)
    },
  )

  test('takes a change only with the header that no form can send, and a body only as JSON', async () => {
    const mark = {
      unit_id: `${HOSTILE[0]} 0`,
      verdict: 'right',
      columns: {},
      note: '',
      marked_at: '2026-11-30T10:00:00Z',
    }
    const without = { method: 'PUT', body: mark, headers: { [REQUEST_HEADER]: '' } }
    const form = { body: 'filter=[]', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    const plain = { body: { filter: [] }, headers: { 'content-type': 'text/plain' } }
    for (const target of ['/api/summary', '/api/page', '/api/points', '/api/review']) {
      expect((await served.ask(target, form)).status).toBe(415)
      expect((await served.ask(target, plain)).status).toBe(415)
    }
    const { [REQUEST_HEADER]: _, ...headers } = { ...without.headers, cookie: served.cookie }
    const sent = await send(served.server, '/api/marks', {
      method: 'PUT',
      headers: { ...headers, 'content-type': 'application/json' },
    })
    expect(sent.status).toBe(403)
    expect((await served.ask('/api/marks?id=a', { method: 'DELETE' })).status).toBe(403)
    expect((await served.ask('/api/marks')).json()).toEqual([])
  })

  test('sends no permission to other origins, and headers that keep its answers in its own page', async () => {
    for (const target of ['/', '/api/run', '/api/nothing', '/open?token=x']) {
      const { headers } = await served.ask(target, {})
      expect(headers['access-control-allow-origin']).toBeUndefined()
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'x-frame-options': 'DENY',
      })
      const policy = String(headers['content-security-policy'])
      expect(policy).toContain("default-src 'none'")
      expect(policy).toContain("script-src 'self';")
      expect(policy).toContain("connect-src 'self';")
      expect(policy).not.toContain('http')
    }
  })
})

describe('the address', () => {
  const tokenOf = (address: string): string => new URL(address).searchParams.get('token') ?? ''

  test('gives a cookie that no script can read and no other site sends', async () => {
    const answer = await served.ask(`/open?token=${tokenOf(served.server.url)}`, { signedIn: false })
    expect(answer.status).toBe(303)
    expect(answer.headers['location']).toBe('/')
    expect(String(answer.headers['set-cookie'])).toMatch(
      new RegExp(`^imagery-view-${served.server.port}=[\\w-]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    )
  })

  test('that is a link in the page of a terminal says what to do instead', async () => {
    const target = `/open?token=${tokenOf(served.server.url)}`
    const answer = await served.ask(target, { signedIn: false, headers: { 'sec-fetch-site': 'cross-site' } })
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('Paste the address into the address bar')
  })

  test('needs the right token', async () => {
    for (const token of ['', 'x', tokenOf(served.server.url).slice(1)]) {
      const answer = await served.ask(`/open?token=${token}`, { signedIn: false })
      expect(answer.status).toBe(403)
      expect(answer.headers['set-cookie']).toBeUndefined()
    }
  })

  test('for the browser, which other users can see as an argument, works once and for a minute', async () => {
    const launch = tokenOf(served.server.launchUrl)
    expect(launch).not.toBe(tokenOf(served.server.url))
    nowMs += 61_000
    expect((await served.ask(`/open?token=${launch}`, { signedIn: false })).status).toBe(403)
    nowMs -= 61_000
    expect((await served.ask(`/open?token=${launch}`, { signedIn: false })).status).toBe(303)
    expect((await served.ask(`/open?token=${launch}`, { signedIn: false })).status).toBe(403)
  })
})

describe('the files of the app', () => {
  test('are served with their types', async () => {
    const page = await served.ask('/')
    expect(page.text).toContain('<title>app</title>')
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    const script = await served.ask('/assets/app-1f.js')
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(script.headers['cache-control']).toBe('private, max-age=31536000, immutable')
  })

  test.each([
    '/../outside.js',
    '/assets/../../outside.js',
    '/..%2foutside.js',
    '/%2e%2e/outside.js',
    '/assets/..%5c..%5coutside.js',
    '//etc/passwd',
    '/secret.pem',
    '/assets',
    '/assets/',
    '/.hidden.js',
    '/%00.js',
    '/index.html%00.js',
  ])('are the only ones: %s is not found', async (target) => {
    const answer = await served.ask(target)
    expect(answer.status).toBe(404)
    expect(answer.text).not.toContain('secret')
  })

  test('that are missing are named, with the command that builds them', async () => {
    const server = await startViewServer({ viewed: served.viewing, folder: '/nowhere', port: undefined })
    const { headers } = await send(server, new URL(server.url).pathname + new URL(server.url).search, {})
    const cookie = String(headers['set-cookie']).split(';')[0]!
    const answer = await send(server, '/', { headers: { cookie } })
    expect(answer.text).toContain('there is no /nowhere/index.html')
    expect(answer.text).toContain('npm run build -w @imagery/viewer')
    await server.close()
  })
})

describe('a request', () => {
  test.each([
    ['is no JSON', 'not json'],
    ['has no filter', {}],
    ['names an unknown condition', { filter: [{ column: 'material', like: 'a' }] }],
    ['names a column that is not there', { filter: [{ column: 'nothing', is: ['a'] }] }],
    ['asks for a range of text', { filter: [{ column: 'material', from: 1, to: 2 }] }],
    ['has a member too many', { filter: [], sql: 'SELECT 1' }],
  ])('that %s is refused with the reason', async (_name, body) => {
    const answer = await served.ask('/api/summary', { body })
    expect(answer.status).toBe(400)
    expect(answer.json()).toMatchObject({ error: { code: 'INVALID_FILTER', suggestions: [] } })
  })

  test('for more rows than a page has is refused', async () => {
    const body = { filter: [], sort: null, offset: 0, limit: 501 }
    expect((await served.ask('/api/page', { body })).status).toBe(400)
  })

  test.each(HOSTILE)('finds the hostile text %j as it is', async (text) => {
    const filter = [{ column: 'material', is: [text] }]
    const page = await served.ask('/api/page', { body: { filter, sort: null, offset: 0, limit: 5 } })
    expect(page.json()).toMatchObject({ total: 1, rows: [{ asset_id: text, values: { material: text } }] })
    const [{ unit_id: unitId }] = (page.json() as { rows: [{ unit_id: string }] }).rows
    const unit = await served.ask(`/api/unit?id=${encodeURIComponent(unitId)}`)
    expect(unit.json()).toMatchObject({ unit_id: unitId, values: { material: text } })
    expect((await served.ask('/api/summary', { body: { filter: [{ search: text.slice(1) }] } })).status).toBe(200)
  })

  test('for a unit that the run does not have is not found', async () => {
    expect((await served.ask('/api/unit?id=%27%20OR%201%3D1')).status).toBe(404)
  })
})

describe('an export', () => {
  test('writes text that a spreadsheet would run as text', async () => {
    const query = new URLSearchParams({
      format: 'csv',
      filter: JSON.stringify([{ column: 'material', is: [HOSTILE[2]] }]),
      columns: JSON.stringify(['material', 'count', 'status']),
    })
    const answer = await served.ask(`/api/export?${query}`)
    expect(answer.headers['content-disposition']).toBe('attachment; filename="results.csv"')
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8')
    const [heading, row] = answer.text.split('\r\n')
    expect(heading).toBe('material,count,status')
    expect(row).toMatch(/^"'=HYPERLINK\(""http:\/\/evil\.example"",""x""\)",\d*,ok$/)
  })

  test('takes a filter with long texts, which is in its address', async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `${index} ${'街'.repeat(500)}`)
    const query = new URLSearchParams({
      format: 'csv',
      filter: JSON.stringify([{ column: 'material', is: [...texts, HOSTILE[2]] }]),
      columns: '["material"]',
    })
    const { status, text } = await served.ask(`/api/export?${query}`)
    expect([status, text.trim().split('\r\n').length]).toEqual([200, 2])
  })

  test('has the rows that the filter keeps, as JSON Lines', async () => {
    const query = new URLSearchParams({
      format: 'jsonl',
      filter: JSON.stringify([{ column: 'status', is: ['ok'] }]),
      columns: '["unit_id","parts"]',
    })
    const { text } = await served.ask(`/api/export?${query}`)
    const lines = text.trimEnd().split('\n')
    const { rows } = (
      await served.ask('/api/summary', { body: { filter: [{ column: 'status', is: ['ok'] }] } })
    ).json() as Summary
    expect(lines).toHaveLength(rows)
    expect(Object.keys(JSON.parse(lines[0]!) as object)).toEqual(['unit_id', 'parts'])
  })

  test('of a column that is not there is refused before it starts', async () => {
    const answer = await served.ask('/api/export?format=csv&filter=[]&columns=["nothing"]')
    expect(answer.status).toBe(400)
  })
})

describe('a port', () => {
  test('that is taken is named, with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    const starting = startViewServer({ viewed: served.viewing, folder: '/nowhere', port })
    await expect(starting).rejects.toMatchObject({
      code: 'NOT_AVAILABLE',
      message: `Port ${port} is used by another program`,
    })
    await expect(checkPort(port)).rejects.toMatchObject({ code: 'NOT_AVAILABLE' })
    await new Promise((resolve) => other.close(resolve))
    await expect(checkPort(port)).resolves.toBeUndefined()
  })
})

describe('the end of the server', () => {
  test('ends the streams of open pages', async () => {
    const rows = (await Array.fromAsync(generatedPages(3))).flat()
    const short = await serveRows(FIELDS, rows)
    const stream = short.ask('/api/events')
    // The stream is open when another request has been answered.
    await short.ask('/api/run')
    await short.close()
    await expect(stream.then(({ status }) => status)).resolves.toBe(200)
  })
})
