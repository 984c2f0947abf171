import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  buildOf,
  dockerfile,
  IMAGE,
  PARENT,
  REPOSITORY,
  startBuildHarness,
  type BuildHarness,
} from '../cloud-build/build-fixture.ts'
import { callApi, requestAs } from '../host/local-cloud-fixture.ts'

let harness: BuildHarness
beforeAll(async () => {
  harness = await startBuildHarness()
})
afterAll(() => harness.stop())

/** Answers with its arguments, its environment and its folder. */
const PROGRAM = `
import { createServer } from 'node:http'
createServer((request, response) => response.end(JSON.stringify({
  version: VERSION, arguments: process.argv.slice(2), folder: process.cwd(), environment: process.env,
}))).listen(process.env.PORT)
`

const program = (version: string): string => PROGRAM.replace('VERSION', JSON.stringify(version))

async function buildVersion(version: string, tag: string, ...lines: string[]): Promise<string> {
  const build = buildOf(
    await harness.build({ Dockerfile: dockerfile(...lines), 'server.mjs': program(version) }, `${IMAGE}:${tag}`),
  )
  return build.results?.images?.[0]?.digest ?? `the build failed: ${build.failureInfo?.detail}`
}

async function deploy(serviceId: string, container: object): Promise<void> {
  const service = { template: { containers: [container] }, invokerIamDisabled: true }
  const [operation] = await harness.services.updateService({
    service: { name: `${PARENT}/services/${serviceId}`, ...service },
    allowMissing: true,
  })
  await operation.promise()
}

interface Answer {
  version: string
  arguments: string[]
  folder: string
  environment: Record<string, string>
}

async function ask(serviceId: string): Promise<Answer> {
  const [{ uri }] = await harness.services.getService({ name: `${PARENT}/services/${serviceId}` })
  const answer = await requestAs(new URL(uri ?? '').host, harness.cloud.locator.http)
  return JSON.parse(answer.body) as Answer
}

describe('a service from a built image', () => {
  it("runs the Dockerfile's command in its working directory, with its variables", async () => {
    await buildVersion('1', 'plain', 'ENV COLOUR=red SIZE=big')
    await deploy('plain', { image: `${IMAGE}:plain`, env: [{ name: 'SIZE', value: 'small' }] })
    const answer = await ask('plain')
    expect(answer).toMatchObject({
      version: '1',
      arguments: [],
      environment: { COLOUR: 'red', SIZE: 'small', K_SERVICE: 'plain' },
    })
    expect(answer.folder).toMatch(/\/app$/)
  })

  // https://cloud.google.com/run/docs/configuring/services/containers#configure-entrypoint
  it("runs the container's own command when it sets one", async () => {
    await buildVersion('1', 'other')
    await deploy('other', { image: `${IMAGE}:other`, command: ['node'], args: ['server.mjs', 'more'] })
    expect((await ask('other')).arguments).toEqual(['more'])
    await deploy('other', { image: `${IMAGE}:other`, args: ['node', '/app/server.mjs', 'yet', 'more'] })
    expect((await ask('other')).arguments).toEqual(['yet', 'more'])
  })

  it('keeps the image it was deployed with when the tag moves or the image is deleted', async () => {
    const first = await buildVersion('first', 'moving')
    await deploy('kept', { image: `${IMAGE}:moving` })
    await buildVersion('second', 'moving')
    const route = `/v1/${REPOSITORY}/packages/app/versions/${first}`
    await harness.call(route, { method: 'DELETE' })
    await expect.poll(async () => (await callApi(harness.cloud, route)).status).toBe(404)
    expect((await ask('kept')).version).toBe('first')
    await deploy('kept', { image: `${IMAGE}:moving`, env: [{ name: 'A', value: '1' }] })
    expect((await ask('kept')).version).toBe('second')
  })

  it('may name its image by digest', async () => {
    const digest = await buildVersion('exact', 'exact')
    await deploy('exact', { image: `${IMAGE}@${digest}` })
    expect((await ask('exact')).version).toBe('exact')
  })

  it('is not deployed if the image does not exist, and the old revision keeps serving', async () => {
    await buildVersion('good', 'good')
    await deploy('steady', { image: `${IMAGE}:good` })
    const missing = deploy('steady', { image: `${IMAGE}:missing` })
    await expect(missing).rejects.toMatchObject({
      code: 9,
      message: expect.stringContaining(`Image '${IMAGE}:missing' not found.`) as string,
    })
    expect((await ask('steady')).version).toBe('good')
    const [service] = await harness.services.getService({ name: `${PARENT}/services/steady` })
    expect(service.latestCreatedRevision).not.toBe(service.latestReadyRevision)
  })
})
