import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LocalCloud } from '../../src/emulator/local-cloud.ts'
import { callApi, LocalClouds } from './local-cloud-fixture.ts'

const clouds = new LocalClouds()
const LOCATION = 'projects/imagery-local/locations/us-central1'

async function send(cloud: LocalCloud, method: string, route: string, body?: object): Promise<unknown> {
  const answer = await callApi(cloud, route, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
  return answer.json()
}

describe('over HTTP/JSON', () => {
  it('Cloud Tasks’ operations come with their metadata and answers by type', async () => {
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
