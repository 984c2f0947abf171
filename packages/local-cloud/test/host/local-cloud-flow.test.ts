import { describe, expect, it } from 'vitest'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { createAccount, iamClients } from '../iam/iam-fixture.ts'
import { admin, callApi, LocalClouds, requestAs, runProgram, stateOf } from './local-cloud-fixture.ts'
import { pack } from '../cloud-run/cloud-run-fixture.ts'
import type { Transport } from '../kernel/transcoded-server-fixture.ts'

const clouds = new LocalClouds()

/** A program on Cloud Run that records each request it gets, under its own account. */
const recorder = `
  import { createServer } from 'node:http'
  import { readFileSync } from 'node:fs'
  const cloud = JSON.parse(readFileSync(process.env.IMAGERY_LOCAL_CLOUD, 'utf8'))
  const ask = async (key) => (await fetch('http://' + process.env.GCE_METADATA_HOST + '/computeMetadata/v1/instance/service-accounts/default/' + key,
    { headers: { 'Metadata-Flavor': 'Google' } })).text()
  createServer(async (request, response) => {
    const { access_token: token } = JSON.parse(await ask('token'))
    const name = 'requests/' + (request.headers['x-cloudtasks-taskname'] ?? 'push') + '-' + Date.now()
    const written = await fetch(cloud.http + '/upload/storage/v1/b/imagery-a/o?uploadType=media&name=' + encodeURIComponent(name), {
      method: 'POST', headers: { authorization: 'Bearer ' + token },
      body: JSON.stringify({ account: await ask('email'), path: request.url, authorized: request.headers.authorization !== undefined }),
    })
    response.writeHead(written.ok ? 200 : 500).end()
  }).listen(process.env.PORT)`

const TRANSPORTS = {
  gRPC: '{ apiEndpoint: cloud.grpc.host, port: cloud.grpc.port }',
  REST: `{ apiEndpoint: '127.0.0.1', port: Number(new URL(cloud.http).port), fallback: true, protocol: 'http' }`,
}

const setUp = (members: string[], transport: Transport = 'gRPC'): string => `
  import { CloudTasksClient } from '@google-cloud/tasks'
  import { v1 } from '@google-cloud/pubsub'
  import { ServicesClient } from '@google-cloud/run'
  const parent = 'projects/imagery-local/locations/us-central1'
  const reached = ${TRANSPORTS[transport]}
  const services = new ServicesClient(reached)
  const [operation] = await services.createService({ parent, serviceId: 'recorder', service: { template: {
    serviceAccount: 'recorder@imagery-local.iam.gserviceaccount.com',
    containers: [{
      image: 'scratch',
      baseImageUri: 'us-central1-docker.pkg.dev/serverless-runtimes/google-24-full/runtimes/nodejs24',
      sourceCode: { cloudStorageSource: { bucket: 'imagery-a', object: 'recorder.tar.gz' } },
      command: ['node'], args: ['server.mjs'],
    }],
  } } })
  const [service] = await operation.promise()
  await services.setIamPolicy({ resource: parent + '/services/recorder', policy: {
    bindings: [{ role: 'roles/run.invoker', members: ${JSON.stringify(members)} }],
  } })
  const oidcToken = { serviceAccountEmail: 'invoker@imagery-local.iam.gserviceaccount.com', audience: service.uri }
  const tasks = new CloudTasksClient(reached)
  const [queue] = await tasks.createQueue({ parent, queue: {
    name: parent + '/queues/q', retryConfig: { maxAttempts: 2, minBackoff: { nanos: 1e8 }, maxBackoff: { nanos: 1e8 } },
  } })
  await tasks.createTask({ parent: queue.name, task: {
    name: queue.name + '/tasks/one', httpRequest: { url: service.uri + '/process', oidcToken },
  } })
  const [topic] = await new v1.PublisherClient(reached).createTopic({ name: 'projects/imagery-local/topics/shards' })
  await new v1.SubscriberClient(reached).createSubscription({
    name: 'projects/imagery-local/subscriptions/shards', topic: topic.name,
    pushConfig: { pushEndpoint: service.uri + '/push', oidcToken },
  })
  await new v1.PublisherClient(reached).publish({ topic: topic.name, messages: [{ data: Buffer.from('shard') }] })
  console.log(JSON.stringify(service.uri))
  process.exit()`

async function deploySource(cloud: LocalCloud): Promise<void> {
  const body = JSON.stringify({ name: 'imagery-a' })
  await callApi(cloud, '/storage/v1/b?project=imagery-local', { method: 'POST', body })
  const archive = new Uint8Array(pack({ 'server.mjs': recorder }))
  const route = '/upload/storage/v1/b/imagery-a/o?uploadType=media&name=recorder.tar.gz'
  expect((await callApi(cloud, route, { method: 'POST', body: archive })).status).toBe(200)
  const clients = await iamClients(cloud)
  await createAccount(clients, 'invoker')
  const member = `serviceAccount:${await createAccount(clients, 'recorder')}`
  // The operator reaches the bucket as its project's owner; the program may only add to it.
  const policy = { bindings: [...OWNER_BINDINGS, { role: 'roles/storage.objectCreator', members: [member] }] }
  const granted = await callApi(cloud, '/storage/v1/b/imagery-a/iam', { method: 'PUT', body: JSON.stringify(policy) })
  expect(granted.status).toBe(200)
}

const OWNER_BINDINGS = [
  { role: 'roles/storage.legacyBucketOwner', members: ['projectOwner:imagery-local'] },
  { role: 'roles/storage.legacyObjectOwner', members: ['projectOwner:imagery-local'] },
]

interface Seen {
  account: string
  path: string
  authorized: boolean
}

/** The requests that reached the program, in the order of their names. */
async function seen(cloud: LocalCloud): Promise<Seen[]> {
  const listed = (await (await callApi(cloud, '/storage/v1/b/imagery-a/o?prefix=requests/')).json()) as {
    items?: { mediaLink: string }[]
  }
  return Promise.all(
    (listed.items ?? []).map(async ({ mediaLink }) => {
      const { pathname, search } = new URL(mediaLink)
      return (await (await callApi(cloud, pathname + search)).json()) as Seen
    }),
  )
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('the whole local cloud', () => {
  it.each<Transport>(['gRPC', 'REST'])(
    'delivers a task and a message, sent over %s, to a deployed program that runs as its own account',
    async (transport) => {
      const cloud = await clouds.start()
      await deploySource(cloud)
      const invoker = 'serviceAccount:invoker@imagery-local.iam.gserviceaccount.com'
      const uri = await runProgram(cloud.locator, setUp([invoker], transport))
      expect(uri).toMatch(/^https:\/\/recorder-\d{12}\.us-central1\.run\.app$/)
      await until(async () => (await seen(cloud)).length === 2)
      const account = 'recorder@imagery-local.iam.gserviceaccount.com'
      expect(await seen(cloud)).toEqual([
        { account, path: '/process', authorized: true },
        { account, path: '/push', authorized: true },
      ])
      await until(async () => {
        const { apis } = await stateOf(cloud)
        return apis['cloudtasks']?.['tasks'] === 0 && apis['pubsub']?.['unacknowledgedMessages'] === 0
      })
      // A call has the same name over both transports, so fault rules, logs and counts apply to both.
      expect((await stateOf(cloud)).calls).toMatchObject({
        'google.cloud.run.v2.Services/CreateService': 1,
        'google.cloud.tasks.v2.CloudTasks/CreateTask': 1,
        'google.pubsub.v1.Publisher/Publish': 1,
      })
    },
  )

  it('refuses callers without the invoker role', async () => {
    const cloud = await clouds.start()
    await deploySource(cloud)
    const uri = String(await runProgram(cloud.locator, setUp(['serviceAccount:somebody-else@example.com'])))
    // https://cloud.google.com/run/docs/troubleshooting#403: an authenticated caller without the role is answered 403.
    await until(async () => (await stateOf(cloud)).apis['cloudtasks']?.['tasks'] === 0)
    expect((await requestAs(new URL(uri).host, `${cloud.locator.http}/process`)).status).toBe(403)
    expect(await seen(cloud)).toEqual([])
    expect((await admin(cloud, 'GET', 'health')).status).toBe(200)
  })

  it('delivers twice under a fault rule', async () => {
    const cloud = await clouds.start({
      faults: [{ method: 'deliver/recorder-*/process', effect: { kind: 'duplicate' } }],
    })
    await deploySource(cloud)
    await runProgram(cloud.locator, setUp(['allUsers']))
    await until(async () => (await stateOf(cloud)).apis['cloudtasks']?.['tasks'] === 0)
    expect((await seen(cloud)).filter(({ path }) => path === '/process')).toHaveLength(2)
  })
})
