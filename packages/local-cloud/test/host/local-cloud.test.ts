import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { localCloudLocator } from '../../src/contract/locator.ts'
import { startLocalCloud } from '../../src/host/local-cloud.ts'
import { admin, callApi, LocalClouds, requestAs, runProgram, stateOf } from './local-cloud-fixture.ts'

const clouds = new LocalClouds()

const createBucket = (name: string): [string, RequestInit] => [
  '/storage/v1/b?project=imagery-local',
  { method: 'POST', body: JSON.stringify({ name }) },
]

function occupy(port = 0): Promise<{ port: number; server: Server }> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, server }))
  })
}

async function isListening(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

describe('a local cloud', () => {
  it('has a locator file, readable only by its owner, until it stops', async () => {
    const cloud = await clouds.start({ region: 'europe-west1' })
    const file = path.join(clouds.directory, 'local-cloud.json')
    const written = localCloudLocator.parse(JSON.parse(readFileSync(file, 'utf8')))
    expect(written).toEqual(cloud.locator)
    expect(written).toMatchObject({ version: 1, pid: process.pid, projectId: 'imagery-local', region: 'europe-west1' })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await admin(cloud, 'GET', 'health')).toEqual({
      status: 200,
      body: { status: 'ready', pid: process.pid, leases: 0, endsWhenIdle: false },
    })
    await cloud.stop()
    await cloud.stopped
    expect(existsSync(file)).toBe(false)
    expect(await isListening(cloud.locator.http)).toBe(false)
    expect(await isListening(`http://${cloud.locator.metadataHost}`)).toBe(false)
  })

  it('serves the official clients given only endpoints, its CA and a metadata server', async () => {
    const cloud = await clouds.start()
    const answer = await runProgram(
      cloud.locator,
      `
      import { BigQuery } from '@google-cloud/bigquery'
      import { CloudTasksClient } from '@google-cloud/tasks'
      import { v1 } from '@google-cloud/pubsub'
      import { ServicesClient } from '@google-cloud/run'
      import { Storage } from '@google-cloud/storage'
      import { GoogleAuth } from 'google-auth-library'
      const place = 'projects/imagery-local/locations/us-central1'
      const grpc = { apiEndpoint: cloud.grpc.host, port: cloud.grpc.port }
      const tasks = new CloudTasksClient(grpc)
      const [queue] = await tasks.createQueue({ parent: place, queue: { name: place + '/queues/q' } })
      const [topic] = await new v1.PublisherClient(grpc).createTopic({ name: 'projects/imagery-local/topics/imagery-t' })
      const [services] = await new ServicesClient(grpc).listServices({ parent: place })
      const storage = new Storage({ apiEndpoint: cloud.http, useAuthWithCustomEndpoint: true })
      await storage.createBucket('imagery-a')
      await storage.bucket('imagery-a').file('f').save('bytes', { resumable: false })
      const [bytes] = await storage.bucket('imagery-a').file('f').download()
      const bigQuery = new BigQuery({ projectId: 'imagery-local', apiEndpoint: cloud.http })
      await bigQuery.createDataset('d', { location: 'US' })
      const [rows] = await bigQuery.query('SELECT 6 * 7 AS answer')
      console.log(JSON.stringify({
        project: await new GoogleAuth().getProjectId(),
        queue: queue.name, topic: topic.name, services: services.length, bytes: bytes.toString(), rows,
      }))
      process.exit()`,
    )
    expect(answer).toEqual({
      project: 'imagery-local',
      queue: 'projects/imagery-local/locations/us-central1/queues/q',
      topic: 'projects/imagery-local/topics/imagery-t',
      services: 0,
      bytes: 'bytes',
      rows: [{ answer: 42 }],
    })
    expect(await stateOf(cloud)).toMatchObject({
      projectId: 'imagery-local',
      apis: {
        storage: { buckets: 1, objects: 1 },
        bigquery: { datasets: 1 },
        cloudtasks: { queues: 1 },
        pubsub: { topics: 1 },
      },
      calls: { 'google.cloud.tasks.v2.CloudTasks/CreateQueue': 1, 'storage.buckets.insert': 1 },
      faults: [],
    })
  })

  // https://cloud.google.com/apis/design/errors: UNAUTHENTICATED is 401 over HTTP and 16 over gRPC.
  it('refuses calls without its own token, and they have no effect', async () => {
    const cloud = await clouds.start()
    const [route, init] = createBucket('imagery-a')
    for (const headers of [{}, { authorization: 'Bearer garbage' }, { authorization: 'Bearer ya29.local-x.y' }]) {
      const answer = await fetch(cloud.locator.http + route, { ...init, headers })
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ error: { code: 401, status: 'UNAUTHENTICATED' } })
    }
    const code = await runProgram(
      cloud.locator,
      `
      import { CloudTasksClient } from '@google-cloud/tasks'
      import { OAuth2Client, GoogleAuth } from 'google-auth-library'
      const authClient = new OAuth2Client()
      authClient.setCredentials({ access_token: 'garbage', expiry_date: Date.now() + 3600000 })
      const tasks = new CloudTasksClient({ apiEndpoint: cloud.grpc.host, port: cloud.grpc.port,
        auth: new GoogleAuth({ authClient, projectId: 'imagery-local' }) })
      const parent = 'projects/imagery-local/locations/us-central1'
      await tasks.createQueue({ parent, queue: { name: parent + '/queues/q' } }).catch((error) => console.log(error.code))
      process.exit()`,
    )
    expect(code).toBe(16)
    expect((await stateOf(cloud)).apis).toMatchObject({
      storage: { buckets: 0 },
      cloudtasks: { queues: 0 },
    })
  })

  // https://cloud.google.com/storage/docs/resumable-uploads#session-uris
  it('accepts bytes for an upload session from any caller with its URL, without a token', async () => {
    const cloud = await clouds.start()
    await callApi(cloud, ...createBucket('imagery-a'))
    const route = '/upload/storage/v1/b/imagery-a/o?uploadType=resumable&name=a'
    expect((await fetch(cloud.locator.http + route, { method: 'POST' })).status).toBe(401)
    const session = (await callApi(cloud, route, { method: 'POST' })).headers.get('location')
    expect((await fetch(String(session), { method: 'PUT', body: 'abc' })).status).toBe(200)
  })

  it('accepts tokens issued before a restart', async () => {
    const first = await clouds.start()
    const kept = await callApi(first, '/storage/v1/b?project=imagery-local')
    expect(kept.status).toBe(200)
    const url = `http://${first.locator.metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`
    const { access_token: token } = (await (await fetch(url, { headers: { 'Metadata-Flavor': 'Google' } })).json()) as {
      access_token: string
    }
    await first.stop()
    const second = await clouds.start()
    const answer = await fetch(`${second.locator.http}/storage/v1/b?project=imagery-local`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(200)
  })

  it("answers 501 in Google's format for what it does not emulate, by name", async () => {
    const cloud = await clouds.start()
    const answer = await callApi(cloud, '/compute/v1/projects/p/zones')
    expect(answer.status).toBe(501)
    expect(await answer.json()).toMatchObject({
      error: {
        code: 501,
        status: 'UNIMPLEMENTED',
        message: expect.stringContaining('GET /compute/v1/projects/p/zones'),
      },
    })
  })

  it('answers only under its own host names, so that no web page reaches it by DNS rebinding', async () => {
    const cloud = await clouds.start()
    const { port } = new URL(cloud.locator.http)
    expect((await requestAs(`evil.example:${port}`, cloud.locator.http)).status).toBe(403)
    expect(
      (await requestAs('metadata.google.internal', `http://${cloud.locator.metadataHost}/computeMetadata/v1/`)).status,
    ).toBe(403)
    expect((await requestAs(`localhost:${port}`, `${cloud.locator.http}/oauth2/v3/certs`)).status).toBe(200)
    expect((await requestAs('imagery-none-123.us-central1.run.app', cloud.locator.http)).status).toBe(404)
  })
})

describe('its data folder', () => {
  it('belongs to one process at a time, and the error names it', async () => {
    await clouds.start()
    await expect(startLocalCloud({ dataDir: clouds.directory })).rejects.toMatchObject({
      name: 'LocalCloudError',
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(`process ${process.pid}`),
      suggestions: expect.arrayContaining([`imagery local stop --data-dir ${clouds.directory}`]),
    })
  })

  it('belongs to a process while it lives; after a kill, the next process takes it over with all its state', async () => {
    const other = await clouds.spawn()
    const [route, init] = createBucket('imagery-a')
    expect((await callApi(other, route, init)).status).toBe(200)
    await runProgram(
      other.locator,
      `
      import { CloudTasksClient } from '@google-cloud/tasks'
      const parent = 'projects/imagery-local/locations/us-central1'
      const tasks = new CloudTasksClient({ apiEndpoint: cloud.grpc.host, port: cloud.grpc.port })
      await tasks.createQueue({ parent, queue: { name: parent + '/queues/q' } })
      console.log('{}')
      process.exit()`,
    )
    await expect(startLocalCloud({ dataDir: clouds.directory })).rejects.toMatchObject({
      code: 'ALREADY_RUNNING',
      message: expect.stringContaining(`process ${other.locator.pid}`),
    })
    await other.kill()
    expect(existsSync(path.join(clouds.directory, 'local-cloud.json'))).toBe(true)
    const cloud = await clouds.start()
    expect(cloud.locator).toMatchObject({ pid: process.pid, http: other.locator.http, grpc: other.locator.grpc })
    expect((await stateOf(cloud)).apis).toMatchObject({
      storage: { buckets: 1 },
      cloudtasks: { queues: 1 },
    })
  })

  it('may be next to another folder with its own local cloud', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'imagery-cloud-'))
    try {
      const first = await clouds.start()
      const second = await startLocalCloud({ dataDir: directory })
      const [route, init] = createBucket('imagery-a')
      expect((await callApi(first, route, init)).status).toBe(200)
      expect((await callApi(second, route, init)).status).toBe(200)
      // One cloud does not accept the other's token.
      expect((await admin({ locator: { ...first.locator, http: second.locator.http } }, 'GET', 'health')).status).toBe(
        403,
      )
      await second.stop()
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  it('causes an error when it cannot be created', async () => {
    const file = path.join(clouds.directory, 'file')
    writeFileSync(file, '')
    await expect(startLocalCloud({ dataDir: path.join(file, 'cloud') })).rejects.toMatchObject({
      code: 'DATA_FOLDER_UNUSABLE',
      message: expect.stringContaining(file),
    })
  })

  it.each([
    ['storage/storage.sqlite', /storage data in .* cannot be opened/],
    ['pubsub/pubsub.sqlite', /pubsub data in .* cannot be opened/],
    ['run/run.sqlite', /run data in .* cannot be opened/],
    ['tasks/cloud-tasks.sqlite', /tasks data in .* cannot be opened/],
    ['bigquery/bigquery.duckdb', /bigquery data in .* cannot be opened/],
    ['identity/signing-key.pem', /identity cannot be opened/],
  ])('with a damaged %s causes an error and leaves nothing running', async (file, message) => {
    await (await clouds.start()).stop()
    const original = readFileSync(path.join(clouds.directory, file))
    writeFileSync(path.join(clouds.directory, file), 'this is not what it should be, not at all'.repeat(100))
    await expect(startLocalCloud({ dataDir: clouds.directory })).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(message),
    })
    writeFileSync(path.join(clouds.directory, file), original)
    await (await clouds.start()).stop()
  })
})

describe('its ports', () => {
  it('are the same as last time if they are free, and different ones if they are in use', async () => {
    const first = await clouds.start()
    await first.stop()
    const second = await clouds.start()
    expect([second.locator.http, second.locator.grpc]).toEqual([first.locator.http, first.locator.grpc])
    await second.stop()
    const { server } = await occupy(Number(new URL(first.locator.http).port))
    const third = await clouds.start()
    expect(third.locator.http).not.toBe(first.locator.http)
    server.close()
  })

  it.each(['http', 'grpc'] as const)(
    'cause an error if requested by number and in use (%s), and nothing is left running',
    async (kind) => {
      const { port, server } = await occupy()
      await expect(startLocalCloud({ dataDir: clouds.directory, ports: { [kind]: port } })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: expect.stringContaining(String(port)),
      })
      expect(existsSync(path.join(clouds.directory, 'local-cloud.json'))).toBe(false)
      await new Promise((resolve) => server.close(resolve))
      const cloud = await clouds.start({ ports: { [kind]: port } })
      expect(kind === 'http' ? new URL(cloud.locator.http).port : String(cloud.locator.grpc.port)).toBe(String(port))
    },
  )
})
