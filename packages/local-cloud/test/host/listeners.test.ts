import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import { listeningAddresses, outerAddresses, takesConnections } from '../cloud-run/service-ports-fixture.ts'
import { stateOf } from './local-cloud-fixture.ts'

/* What other machines, and web pages open on this machine, can do to a local cloud. */

let directory: string
let cloud: LocalCloud

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imagery-listeners-'))
  cloud = await startLocalCloud({ dataDir: directory, allServicesEnabled: true })
})

afterAll(async () => {
  await cloud.stop()
  rmSync(directory, { recursive: true, force: true })
})

interface Answer {
  status: number
  headers: Record<string, unknown>
}

/** A request that a web page may send to any address without a preflight: no custom header, a plain text body. */
function fromWebPage(route: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(cloud.locator.http)
    const usual = { host, origin: 'https://evil.example', 'content-type': 'text/plain' }
    request(new URL(route, cloud.locator.http), { method: 'POST', headers: { ...usual, ...headers } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }))
    })
      .on('error', reject)
      .end(body)
  })
}

const PROJECT = 'projects/imagery-local'

const EFFECTS: [route: string, body: object][] = [
  ['/storage/v1/b?project=imagery-local', { name: 'bucket-of-a-page' }],
  ['/upload/storage/v1/b/imagery/o?uploadType=media&name=x', {}],
  [`/bigquery/v2/${PROJECT}/datasets`, { datasetReference: { datasetId: 'of_a_page' } }],
  [`/bigquery/v2/${PROJECT}/queries`, { query: 'SELECT 1' }],
  [`/v2/${PROJECT}/locations/us-central1/queues`, { name: `${PROJECT}/locations/us-central1/queues/of-a-page` }],
  [`/v2/${PROJECT}/locations/us-central1/services?serviceId=of-a-page`, {}],
  [`/v1/${PROJECT}/services:batchEnable`, { serviceIds: ['run.googleapis.com'] }],
  [`/v1/${PROJECT}/serviceAccounts`, { accountId: 'of-a-page' }],
  [`/v3/${PROJECT}:setIamPolicy`, { policy: {} }],
  [`/v1/${PROJECT}/locations/global/publishers/google/models/gemini-3.5-flash-lite:generateContent`, {}],
  ['/token', { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: 'a.b.c' }],
  ['/v1/token', { audience: 'x' }],
  ['/_imagery/shutdown', {}],
]

describe('a local cloud', () => {
  it('listens only on loopback, for every API and for metadata', async () => {
    const { http, grpc, metadataHost } = cloud.locator
    const ports = [new URL(http).port, String(grpc.port), metadataHost.split(':')[1]].map(Number)
    for (const port of ports) {
      expect(await takesConnections('127.0.0.1', port)).toBe(true)
      for (const address of outerAddresses()) expect(await takesConnections(address, port), address).toBe(false)
      if (process.platform === 'linux') expect(listeningAddresses(port)).toEqual(['0100007F'])
    }
  })

  it.each(EFFECTS)('refuses a form that a web page sends to %s', async (route, body) => {
    const before = await stateOf(cloud)
    const answer = await fromWebPage(route, JSON.stringify(body))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect((await stateOf(cloud)).apis).toEqual(before.apis)
  })

  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.', '0.0.0.0'])(
    'refuses the host name %j, even with a token',
    async (host) => {
      const authorization = `Bearer ${cloud.locator.adminToken}`
      const answer = await fromWebPage('/_imagery/shutdown', '', { host, authorization })
      expect(answer.status).toBe(403)
      expect((await stateOf(cloud)).pid).toBe(process.pid)
    },
  )

  it('refuses a request with two Authorization headers, whichever is valid', async () => {
    const good = `Bearer ${cloud.locator.adminToken}`
    for (const both of [
      [good, 'Bearer guess'],
      ['Bearer guess', good],
      [good, good],
    ]) {
      const Authorization = both as unknown as string
      expect((await fromWebPage('/_imagery/shutdown', '', { Authorization })).status).toBe(401)
    }
  })
})
