import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { callApi, LocalClouds } from '../host/local-cloud-fixture.ts'

const clouds = new LocalClouds()
const LOCATION = 'projects/imagery-local/locations/us-central1'

async function send(cloud: LocalCloud, method: string, route: string, body?: object): Promise<unknown> {
  const answer = await callApi(cloud, route, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
  return answer.json()
}

describe('over HTTP/JSON', () => {
  it('Cloud Tasks operations carry typed metadata and responses', async () => {
    const cloud = await clouds.start()
    await send(cloud, 'POST', `/v2/${LOCATION}/queues`, { name: `${LOCATION}/queues/q` })
    const parent = `${LOCATION}/queues/q`
    await send(cloud, 'POST', `/v2/${parent}:pause`)
    const task = { name: `${parent}/tasks/a`, httpRequest: { url: 'https://example.com/', body: 'aGk=' } }
    const operation = (await send(cloud, 'POST', `/v2beta3/${parent}/tasks:batchCreate`, {
      requests: [{ parent, task }],
    })) as { name: string }
    expect(operation).toMatchObject({
      done: true,
      metadata: {
        '@type': 'type.googleapis.com/google.cloud.tasks.v2beta3.BatchCreateTasksMetadata',
        state: 'SUCCEEDED',
        startTime: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      },
      response: {
        '@type': 'type.googleapis.com/google.cloud.tasks.v2beta3.BatchCreateTasksResponse',
        tasks: [{ name: `${parent}/tasks/a`, view: 'BASIC' }],
      },
    })
    expect(await send(cloud, 'GET', `/v2beta3/${operation.name}`)).toEqual(operation)
  })

  it('APIs that share /v1/projects each get their own calls', async () => {
    const log = path.join(clouds.directory, 'access.jsonl')
    const cloud = await clouds.start({ accessLogFile: log })
    await send(cloud, 'PUT', '/v1/projects/imagery-local/topics/shards')
    await send(cloud, 'POST', `/v1/${LOCATION}/publishers/google/models/gemini-2.5-flash:generateContent`, {})
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      {
        method: 'google.pubsub.v1.Publisher/CreateTopic',
        path: '/v1/projects/imagery-local/topics/shards',
        email: 'operator@imagery-local.iam.gserviceaccount.com',
        status: 'OK',
      },
      { method: expect.stringMatching(/^aiplatform\./) as string },
    ])
  })
})

/** What the tools are documented, or seen in their sources, to send; apitools adds `alt=json` to everything. */
describe('requests from command-line tools', () => {
  it('are answered for `gcloud tasks`, `gcloud pubsub` and `gcloud storage`', async () => {
    const cloud = await clouds.start()
    const queue = `${LOCATION}/queues/q`
    await send(cloud, 'POST', `/v2/${LOCATION}/queues?alt=json`, { name: queue })
    await send(cloud, 'PUT', '/v1/projects/imagery-local/topics/shards?alt=json', {})
    const subscription = 'projects/imagery-local/subscriptions/look'
    await send(cloud, 'PUT', `/v1/${subscription}?alt=json`, { topic: 'projects/imagery-local/topics/shards' })
    await send(cloud, 'POST', '/v1/projects/imagery-local/topics/shards:publish?alt=json', {
      messages: [{ data: 'aGk=', attributes: { a: 'b' } }],
    })
    await send(cloud, 'POST', '/storage/v1/b?alt=json&project=imagery-local', { name: 'imagery-b' })
    await callApi(cloud, '/upload/storage/v1/b/imagery-b/o?uploadType=media&name=runs/run.json', {
      method: 'POST',
      body: '{}',
    })
    const answers: [route: string, answer: object][] = [
      [`/v2/${LOCATION}/queues?alt=json&pageSize=100`, { queues: [{ name: queue, state: 'RUNNING' }] }],
      [`/v2/${queue}?alt=json`, { name: queue, rateLimits: { maxDispatchesPerSecond: 500 } }],
      [`/v2/${queue}/tasks?alt=json&pageSize=100&responseView=BASIC`, {}],
      [
        '/v1/projects/imagery-local/topics?alt=json&pageSize=100',
        { topics: [{ name: 'projects/imagery-local/topics/shards' }] },
      ],
      ['/v1/projects/imagery-local/subscriptions?alt=json&pageSize=100', { subscriptions: [{ name: subscription }] }],
      [
        '/storage/v1/b?alt=json&fields=items%2Fname%2CnextPageToken&maxResults=1000&project=imagery-local&projection=noAcl',
        { items: [{ name: 'imagery-b' }] },
      ],
      [
        '/storage/v1/b/imagery-b/o?alt=json&delimiter=%2F&fields=prefixes%2Citems%2Fname&maxResults=1000&projection=noAcl',
        { prefixes: ['runs/'] },
      ],
      ['/storage/v1/b/imagery-b/o/runs%2Frun.json?alt=json&projection=noAcl', { name: 'runs/run.json', size: '2' }],
    ]
    for (const [route, answer] of answers) expect(await send(cloud, 'GET', route)).toMatchObject(answer)
    expect(
      await send(cloud, 'POST', `/v1/${subscription}:pull?alt=json`, { maxMessages: 1, returnImmediately: true }),
    ).toMatchObject({ receivedMessages: [{ message: { data: 'aGk=', attributes: { a: 'b' } } }] })
  })

  it('are answered for `gcloud run services list`, in the format of the Admin API v1', async () => {
    const cloud = await clouds.start()
    const container = { image: 'us-docker.pkg.dev/cloudrun/container/hello' }
    const service = { template: { containers: [container] } }
    const operation = await send(cloud, 'POST', `/v2/${LOCATION}/services?serviceId=hello`, service)
    // There is no such image here: the service ends up not ready, and is listed all the same.
    await send(cloud, 'POST', `/v2/${(operation as { name: string }).name}:wait`, { timeout: '10s' })
    const list = (location: string) =>
      send(cloud, 'GET', `/v1/projects/imagery-local/locations/${location}/services?alt=json`)
    expect(await list('-')).toMatchObject({
      kind: 'ServiceList',
      items: [
        {
          kind: 'Service',
          metadata: {
            name: 'hello',
            labels: { 'cloud.googleapis.com/location': 'us-central1' },
            annotations: { 'serving.knative.dev/lastModifier': 'operator@imagery-local.iam.gserviceaccount.com' },
          },
          spec: { template: { spec: { containers: [container] } } },
          status: {
            conditions: [{ type: 'Ready', status: 'False' }, { type: 'RoutesReady' }, { type: 'ConfigurationsReady' }],
            url: expect.stringMatching(/^https:\/\/hello-.*run\.app$/) as string,
          },
        },
      ],
    })
    expect(await list('us-central1')).toEqual(await list('-'))
    expect(await list('europe-west1')).toMatchObject({ items: [] })
  })
})
