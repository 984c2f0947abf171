import { spawnSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ClientRequest } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { proxyOf, settleProxies } from '../../src/google/transport/proxy.ts'
import { recordModules } from '../loaded-modules.ts'
import { googleByProxy, type GoogleByProxy } from './google-by-proxy.ts'

/** The route of our own calls, which is the same as for Google's clients. */

const PERSON = { type: 'authorized_user', client_id: 'id', client_secret: 'secret', refresh_token: 'refresh' }

const PROXY = 'http://proxy.example.com:3128'

describe('the proxy variables', () => {
  const BIGQUERY = new URL('https://bigquery.googleapis.com/bigquery/v2/projects')

  test.each<[string, NodeJS.ProcessEnv, string | undefined]>([
    ['nothing', {}, undefined],
    ['NO_PROXY alone', { NO_PROXY: '*' }, undefined],
    ['the upper spelling', { HTTPS_PROXY: PROXY }, PROXY],
    ['the lower spelling', { https_proxy: PROXY }, PROXY],
    ['that of other URLs', { HTTP_PROXY: PROXY }, PROXY],
    ['both; the first counts', { HTTPS_PROXY: PROXY, https_proxy: 'http://other:1' }, PROXY],
    ['an empty one', { HTTPS_PROXY: '' }, undefined],
    ['an exception of the host', { HTTPS_PROXY: PROXY, NO_PROXY: 'a.example.com, bigquery.googleapis.com' }, undefined],
    ['an exception of its domain', { HTTPS_PROXY: PROXY, no_proxy: 'googleapis.com' }, undefined],
    ['an exception with a dot', { HTTPS_PROXY: PROXY, NO_PROXY: '.googleapis.com' }, undefined],
    ['an exception with a star', { HTTPS_PROXY: PROXY, NO_PROXY: '*.googleapis.com' }, undefined],
    ['an exception of everything', { HTTPS_PROXY: PROXY, NO_PROXY: '*' }, undefined],
    ['an exception of another host', { HTTPS_PROXY: PROXY, NO_PROXY: 'apis.com,storage.googleapis.com' }, PROXY],
  ])('%s', (_title, environment, proxy) => {
    expect(proxyOf(BIGQUERY, { ...environment })).toBe(proxy)
  })

  test('are set for the gRPC clients, once', () => {
    const environment: NodeJS.ProcessEnv = {
      HTTPS_PROXY: PROXY,
      NO_PROXY: 'intra.example.com',
      GCE_METADATA_HOST: '10.0.0.1:80',
    }
    settleProxies(environment)
    const settled = { ...environment }
    expect(settled).toMatchObject({ https_proxy: PROXY, no_proxy: settled['NO_PROXY'] })
    settleProxies(environment)
    expect(environment).toEqual(settled)
  })

  test('never send a request to a metadata server through a proxy', () => {
    const environment = { HTTPS_PROXY: PROXY, GCE_METADATA_HOST: '10.0.0.1:80' }
    for (const host of ['metadata.google.internal', '169.254.169.254', '10.0.0.1']) {
      expect(proxyOf(new URL(`http://${host}/computeMetadata/v1/`), environment)).toBeUndefined()
    }
  })
})

describe('through a proxy', () => {
  let google: GoogleByProxy
  let file: string

  beforeAll(async () => {
    google = await googleByProxy()
    file = path.join(mkdtempSync(path.join(os.tmpdir(), 'imagery-proxies-')), 'credentials.json')
    writeFileSync(file, JSON.stringify(PERSON))
  })

  afterAll(async () => {
    await google.stop()
    rmSync(path.dirname(file), { recursive: true })
  })

  beforeEach(() => {
    vi.resetModules()
    google.heard.length = 0
    google.answer = async ({ path: route }) =>
      route === '/token'
        ? { status: 200, body: { access_token: 'access', expires_in: 3600, token_type: 'Bearer' } }
        : { status: 200, body: { totalTokens: 3, keys: [] } }
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file)
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'p')
  })

  afterEach(() => vi.unstubAllEnvs())

  const hosts = (): string[] => google.heard.map(({ host, path: route }) => `${host}${route}`)

  test('go the calls of JSON APIs', async () => {
    const { callApi } = await import('../../src/google/rest/rest.ts')
    expect(await callApi('cloudbilling', 'v1/projects/p/billingInfo')).toMatchObject({ totalTokens: 3 })
    expect(hosts()).toContain('cloudbilling.googleapis.com/v1/projects/p/billingInfo')
  })

  test('goes the lookup of a model', async () => {
    const { countTokens } = await import('../../src/google/gemini.ts')
    expect(await countTokens({ projectId: 'p', location: 'global', model: 'm' })).toBe(3)
    expect(hosts()).toContainEqual(expect.stringMatching(/^aiplatform\.googleapis\.com\/.*:countTokens$/))
  })

  test("go requests for Google's public keys, which services use to check tokens", async () => {
    const { tokenCheck } = await import('../../src/google/auth/identity-tokens.ts')
    const check = tokenCheck({ audiences: ['https://a'], account: 'a@b' }, Date.now)
    const { SignJWT, generateKeyPair } = await import('jose')
    const { privateKey } = await generateKeyPair('RS256')
    const token = await new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: '1' }).sign(privateKey)
    expect(await check(`Bearer ${token}`)).toMatchObject({ refused: 401 })
    expect(hosts()).toContain('www.googleapis.com/oauth2/v3/certs')
  })

  test('a call ends at its own deadline', async () => {
    google.answer = (request) =>
      request.path === '/token'
        ? Promise.resolve({ status: 200, body: { access_token: 'a', expires_in: 3600 } })
        : new Promise(() => undefined)
    const { patientFetch } = await import('../../src/google/transport/patient-fetch.ts')
    const late = patientFetch('https://run.googleapis.com/', { signal: AbortSignal.timeout(50) })
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('a connection is used again, but not after four seconds without a request', async () => {
    const { sendRequest } = await import('../../src/google/transport/http-request.ts')
    const sockets: Socket[] = []
    const heard = (message: unknown): void => {
      const { request } = message as { request: ClientRequest }
      if (request.host === 'storage.googleapis.com') request.once('socket', (socket) => sockets.push(socket))
    }
    subscribe('http.client.request.created', heard)
    onTestFinished(() => void unsubscribe('http.client.request.created', heard))
    const send = () => sendRequest(new URL('https://storage.googleapis.com/x'), { maxBytes: 100 })
    await send()
    await send()
    expect(sockets[1]).toBe(sockets[0])
    expect(sockets[0]!.timeout).toBe(4_000)
    // Node's sockets say so when that time is over.
    sockets[0]!.emit('timeout')
    await send()
    expect(sockets[2]).not.toBe(sockets[0])
  })

  test('that says nothing, a request ends at its own deadline too', async () => {
    const waiting: Duplex[] = []
    const silent = createServer().on('connect', (_request, socket) => waiting.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of waiting) socket.destroy()
      silent.close()
    })
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
    const { sendRequest } = await import('../../src/google/transport/http-request.ts')
    const url = new URL('https://storage.googleapis.com/x')
    await expect(sendRequest(url, { maxBytes: 100, timeoutMs: 20 })).rejects.toMatchObject({ name: 'NoAnswerInTime' })
    const { patientFetch } = await import('../../src/google/transport/patient-fetch.ts')
    const late = patientFetch(url, { signal: AbortSignal.timeout(20) })
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
  })

  test('that closes the connection instead of an answer, a call can be tried again', async () => {
    const closing = createServer().on('connect', (_request, socket) => socket.end())
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void closing.close())
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${(closing.address() as AddressInfo).port}`)
    const { callApiOnce } = await import('../../src/google/rest/rest.ts')
    const { patientFetch } = await import('../../src/google/transport/patient-fetch.ts')
    const { cloudError } = await import('../../src/google/transport/errors.ts')
    const own = await patientFetch('https://run.googleapis.com/v2/x').catch((error: unknown) => cloudError(error))
    const byGoogle = await callApiOnce('run', 'v2/x').catch((error: unknown) => error)
    for (const lost of [own, byGoogle]) expect(lost).toMatchObject({ status: 'UNAVAILABLE', retryable: true })
  })

  test('that refuses, an error names the proxy and not its password', async () => {
    const refusing = createServer().on('connect', (_request, socket) =>
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
    )
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void refusing.close())
    const address = `127.0.0.1:${(refusing.address() as AddressInfo).port}`
    vi.stubEnv('HTTPS_PROXY', `http://ada:secret@${address}`)
    const { patientFetch } = await import('../../src/google/transport/patient-fetch.ts')
    await expect(patientFetch('https://run.googleapis.com/v2/x')).rejects.toMatchObject({
      name: 'ProxyRefused',
      message: `the proxy ${address} refused the connection to run.googleapis.com with HTTP 407: set its user and password in HTTPS_PROXY`,
    })
  })
})

test('the code for proxies is loaded only if there is one', () => {
  const module = path.join(
    fileURLToPath(new URL('../..', import.meta.url)),
    'src',
    'google',
    'transport',
    'patient-fetch.ts',
  )
  const loaded = (environment: NodeJS.ProcessEnv): string[] => {
    const recorder = recordModules()
    onTestFinished(() => recorder.remove())
    const script = `const { patientFetch } = await import(${JSON.stringify(module)}); await patientFetch('https://127.0.0.1:9/').catch(() => {})`
    const { status, stderr } = spawnSync(process.execPath, [...recorder.args, '--input-type=module', '-e', script], {
      env: { PATH: process.env['PATH'], ...recorder.environment, ...environment },
      encoding: 'utf8',
    })
    expect({ status, stderr: stderr.replaceAll(/.*ExperimentalWarning.*\n.*\n/g, '') }).toEqual({
      status: 0,
      stderr: '',
    })
    return recorder.loaded().filter((url) => url.includes('/node_modules/'))
  }
  expect(loaded({})).toEqual([])
  expect(loaded({ HTTPS_PROXY: 'http://127.0.0.1:9' })).toContainEqual(expect.stringContaining('/https-proxy-agent/'))
})
