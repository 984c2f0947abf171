import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { isAlive } from '../../src/contract/process-alive.ts'
import {
  addressOf,
  allow,
  DEAF,
  deploy,
  ECHO,
  echoOf,
  eventually,
  harnessMaker,
  PARENT,
  serviceOf,
  whileTimePasses,
} from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 20_000 })

const { harnessWith, cleanUp } = harnessMaker()
afterEach(cleanUp)

/** Answers `/` after the milliseconds in the query, and reports its concurrent requests. */
const SLOW = `
import { createServer } from 'node:http'
let now = 0
let most = 0
createServer((request, response) => {
  most = Math.max(most, ++now)
  const wait = Number(new URL(request.url, 'http://x').searchParams.get('wait'))
  setTimeout(() => { now--; response.end(JSON.stringify({ pid: process.pid, most })) }, wait)
}).listen(process.env.PORT)
`

describe('a program that does not start', () => {
  // https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start
  const words =
    'The user-provided container failed to start and listen on the port defined provided by the PORT=8080 ' +
    'environment variable within the allocated timeout.'

  test('because it exits fails its deployment in Google’s words, with its output in the log', async () => {
    const harness = await harnessWith({ dying: 'console.error("no disk"); process.exit(3)' })
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'dying',
      service: serviceOf('dying.tar.gz'),
    })
    await expect(operation.promise()).rejects.toMatchObject({ code: 9, message: expect.stringContaining(words) })
    const [service] = await harness.services.getService({ name: `${PARENT}/services/dying` })
    expect(service.terminalCondition).toMatchObject({
      state: 'CONDITION_FAILED',
      message: expect.stringContaining(words),
    })
    await eventually('the log has the output', () => {
      const log = readFileSync(path.join(harness.directory, 'run/logs/dying.log'), 'utf8')
      return log.includes('no disk\n') && log.includes('Container called exit(3).')
    })
    expect(harness.logLines).toContain('[dying] no disk')
    expect(await harness.api.describe()).toMatchObject({ services: 1, revisions: 1, instances: 0 })
  })

  // https://cloud.google.com/run/docs/configuring/healthchecks: the default TCP probe waits 240 s
  test('because it listens nowhere fails after the 240 seconds of the default startup probe', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ deaf: DEAF }, { clock })
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'deaf',
      service: serviceOf('deaf.tar.gz'),
    })
    const isUp = (): boolean => harness.logLines.includes('[deaf] up')
    await whileTimePasses(clock, eventually('its process runs', isUp))
    await clock.advance(200_000)
    const name = operation.name ?? ''
    expect((await harness.services.checkCreateServiceProgress(name)).done).toBe(false)
    await clock.advance(60_000)
    await expect(whileTimePasses(clock, operation.promise())).rejects.toMatchObject({
      message: expect.stringContaining(words),
    })
  })

  test('starts on the next deployment once it is fixed', async () => {
    const harness = await harnessWith({ broken: 'process.exit(1)', mended: ECHO })
    const create = { parent: PARENT, serviceId: 'phoenix', service: serviceOf('broken.tar.gz') }
    const [failing] = await harness.services.createService(create)
    await expect(failing.promise()).rejects.toMatchObject({ code: 9 })
    const service = { name: `${PARENT}/services/phoenix`, ...serviceOf('mended.tar.gz') }
    const [operation] = await harness.services.updateService({ service })
    await operation.promise()
    const [mended] = await harness.services.getService({ name: service.name })
    expect(mended.terminalCondition?.state).toBe('CONDITION_SUCCEEDED')
    await allow(harness, 'phoenix', 'allUsers')
    expect((await harness.call('phoenix', { token: null })).status).toBe(200)
  })
})

// https://cloud.google.com/run/docs/configuring/healthchecks: any status from 200 up to 400 is a success
test('a program with an HTTP startup probe gets requests once the probe succeeds', async () => {
  const clock = new ManualClock()
  const program = `
    import { createServer } from 'node:http'
    let probes = 0
    createServer((request, response) => {
      if (request.url === '/ready') response.statusCode = ++probes < 3 ? 503 : 204
      response.end(String(probes))
    }).listen(process.env.PORT)
  `
  const harness = await harnessWith({ warming: program }, { clock })
  const startupProbe = { httpGet: { path: '/ready' }, periodSeconds: 1, failureThreshold: 5 }
  await whileTimePasses(clock, deploy(harness, 'warming', serviceOf('warming.tar.gz', { container: { startupProbe } })))
  expect((await harness.call('warming')).body.toString()).toBe('3')
  expect(harness.logLines.join('\n')).toContain('STARTUP HTTP probe succeeded after 3 attempts')
})

describe('the environment of a process', () => {
  test('has what Cloud Run’s contract promises, the local cloud’s variables, and nothing from our own environment', async () => {
    process.env['IMAGERY_TEST_SECRET'] = 'do not tell'
    const harness = await harnessWith(
      { echo: ECHO },
      { environment: () => ({ BIGQUERY_ENDPOINT: 'http://127.0.0.1:9' }) },
    )
    const env = [
      { name: 'MODEL', value: 'pixels' },
      { name: 'EMPTY', value: '' },
    ]
    const template = { serviceAccount: 'runner@demo.iam.gserviceaccount.com' }
    await deploy(harness, 'echo', serviceOf('echo.tar.gz', { container: { env }, template }))
    const { environment } = echoOf(await harness.call('echo'))
    delete process.env['IMAGERY_TEST_SECRET']
    const { PORT, HOME, PATH, K_REVISION, IMAGERY_FRONT_DOOR_SECRET, ...rest } = environment
    expect(IMAGERY_FRONT_DOOR_SECRET).toMatch(/^[\w-]{43}$/)
    expect(Number(PORT)).toBeGreaterThan(1_024)
    expect(existsSync(path.join(HOME ?? '', 'server.mjs'))).toBe(true)
    expect(PATH).toContain(path.dirname(process.execPath))
    expect(K_REVISION).toMatch(/^echo-00001-/)
    // https://cloud.google.com/run/docs/container-contract#services-env-vars
    expect(rest).toEqual({
      K_SERVICE: 'echo',
      K_CONFIGURATION: 'echo',
      MODEL: 'pixels',
      EMPTY: '',
      BIGQUERY_ENDPOINT: 'http://127.0.0.1:9',
      IMAGERY_TOKEN_AUDIENCES: addressOf('echo'),
      GCE_METADATA_HOST: 'metadata-of-runner@demo.iam.gserviceaccount.com:1',
    })
  })
})

describe('a program that crashes', () => {
  test('fails its requests with 503 and is restarted', async () => {
    const harness = await harnessWith({ echo: ECHO })
    await deploy(harness, 'echo', serviceOf('echo.tar.gz'))
    const { pid } = echoOf(await harness.call('echo'))
    const crash = await harness.call('echo', { path: '/crash' })
    expect(crash.status).toBe(503)
    expect(crash.body.toString()).toContain('connection to the instance had an error')
    // A request may still reach the dying program. It then gets the same 503, never a wrong answer.
    await vi.waitFor(async () => expect((await harness.call('echo')).status).toBe(200), {
      timeout: 10_000,
      interval: 20,
    })
    expect(echoOf(await harness.call('echo')).pid).not.toBe(pid)
  })

  test('repeatedly is restarted with a growing delay', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ echo: ECHO }, { clock })
    const template = { scaling: { minInstanceCount: 1 } }
    await whileTimePasses(clock, deploy(harness, 'echo', serviceOf('echo.tar.gz', { template })))
    const waits: number[] = []
    for (let crash = 0; crash < 3; crash++) {
      const crashedMs = clock.now()
      expect((await harness.call('echo', { path: '/crash' })).status).toBe(503)
      await whileTimePasses(
        clock,
        eventually('it is back', async () => (await harness.call('echo')).status === 200),
      )
      waits.push(clock.now() - crashedMs)
    }
    expect(waits[0]).toBeGreaterThanOrEqual(100)
    expect(waits[1]).toBeGreaterThanOrEqual(200)
    expect(waits[2]).toBeGreaterThanOrEqual(400)
  })

  test('or fails its liveness probe is shut down and replaced', async () => {
    const program = ECHO.replace(
      "if (request.url === '/crash')",
      "if (request.url === '/health' && globalThis.sick) { response.statusCode = 500; response.end(); return }\n  if (request.url === '/sick') globalThis.sick = true\n  if (request.url === '/crash')",
    )
    const clock = new ManualClock()
    const harness = await harnessWith({ sick: program }, { clock })
    const livenessProbe = { httpGet: { path: '/health' }, periodSeconds: 1, failureThreshold: 2 }
    await whileTimePasses(clock, deploy(harness, 'sick', serviceOf('sick.tar.gz', { container: { livenessProbe } })))
    const { pid } = echoOf(await harness.call('sick'))
    await whileTimePasses(clock, harness.call('sick', { path: '/sick' }))
    const failed = eventually('it is shut down', () => !isAlive(pid))
    await whileTimePasses(clock, failed)
    expect(harness.logLines.join('\n')).toContain('LIVENESS HTTP probe failed 2 times')
    expect(echoOf(await whileTimePasses(clock, harness.call('sick'))).pid).not.toBe(pid)
  })
})

describe('the number of instances', () => {
  // https://cloud.google.com/run/docs/about-instance-autoscaling: idle instances are kept for up to 15 minutes
  test('falls to zero after 15 idle minutes, and the next request starts one', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ echo: ECHO }, { clock })
    await whileTimePasses(clock, deploy(harness, 'echo', serviceOf('echo.tar.gz')))
    const { pid } = echoOf(await harness.call('echo'))
    await clock.advance(10 * 60_000)
    expect(echoOf(await harness.call('echo')).pid).toBe(pid)
    await clock.advance(14 * 60_000)
    expect(await harness.api.describe()).toMatchObject({ instances: 1 })
    expect(isAlive(pid)).toBe(true)
    await clock.advance(60_000)
    await eventually('the process ends', () => !isAlive(pid))
    await eventually('none is left', async () => (await harness.api.describe())['instances'] === 0)
    expect(harness.logLines).toContain('[echo] draining')
    const cold = await whileTimePasses(clock, harness.call('echo'))
    expect(echoOf(cold).pid).not.toBe(pid)
  })

  test('does not fall below the minimum', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ echo: ECHO }, { clock })
    const service = serviceOf('echo.tar.gz', { service: { scaling: { minInstanceCount: 1 } } })
    await whileTimePasses(clock, deploy(harness, 'echo', service))
    const { pid } = echoOf(await harness.call('echo'))
    await clock.advance(3 * 60 * 60_000)
    expect(echoOf(await harness.call('echo')).pid).toBe(pid)
  })

  test('grows when all instances are full, and none gets more requests than its concurrency', async () => {
    const harness = await harnessWith({ slow: SLOW })
    const template = { maxInstanceRequestConcurrency: 3 }
    await deploy(harness, 'slow', serviceOf('slow.tar.gz', { template }))
    const answers = await Promise.all(Array.from({ length: 12 }, () => harness.call('slow', { path: '/?wait=150' })))
    const bodies = answers.map((answer) => JSON.parse(answer.body.toString()) as { pid: number; most: number })
    // Two processes at the most, whatever the number of instances that the service may have.
    expect(new Set(bodies.map(({ pid }) => pid)).size).toBe(2)
    expect(Math.max(...bodies.map(({ most }) => most))).toBe(3)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
  })

  // https://cloud.google.com/run/docs/about-instance-autoscaling: instances are kept at 60 % of their concurrency
  test('grows at more than three of five requests, and not before', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ slow: SLOW }, { clock })
    const service = serviceOf('slow.tar.gz', { template: { maxInstanceRequestConcurrency: 5 } })
    await whileTimePasses(clock, deploy(harness, 'slow', service))
    const instances = async () => (await harness.api.describe())['instances']
    const call = () => harness.call('slow', { path: '/?wait=600' })
    const three = Array.from({ length: 3 }, call)
    await clock.advance(1_000)
    expect(await instances()).toBe(1)
    const fourth = call()
    await eventually('another starts', async () => (await instances()) === 2)
    for (const { status } of await whileTimePasses(clock, Promise.all([...three, fourth]))) expect(status).toBe(200)
  })

  // https://cloud.google.com/run/docs/about-instance-autoscaling: pending for 10 s, then 429
  test('at its maximum queues requests for 10 seconds and then answers 429', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ slow: SLOW }, { clock })
    const template = { maxInstanceRequestConcurrency: 1, scaling: { maxInstanceCount: 1 } }
    await whileTimePasses(clock, deploy(harness, 'slow', serviceOf('slow.tar.gz', { template })))
    await allow(harness, 'slow', 'allUsers')
    const busy = harness.call('slow', { path: '/?wait=600', token: null })
    const waiting = harness.call('slow', { token: null })
    await clock.advance(9_000)
    const served = harness.call('slow', { token: null })
    await clock.advance(1_500)
    const refused = await waiting
    expect(refused.status).toBe(429)
    expect(refused.body.toString()).toBe('The request was aborted because there was no available instance.')
    expect((await busy).status).toBe(200)
    expect((await served).status).toBe(200)
  })

  // https://cloud.google.com/run/docs/container-contract#instance-shutdown
  test('shrinks with SIGTERM, and SIGKILL ten seconds later', async () => {
    const clock = new ManualClock()
    const stubborn = ECHO.replace('process.exit(0)', '')
    const harness = await harnessWith({ stubborn }, { clock })
    await whileTimePasses(clock, deploy(harness, 'stubborn', serviceOf('stubborn.tar.gz')))
    const { pid } = echoOf(await harness.call('stubborn'))
    const [operation] = await harness.services.deleteService({ name: `${PARENT}/services/stubborn` })
    await eventually('it was told', () => harness.logLines.includes('[stubborn] draining'))
    await clock.advance(9_900)
    expect(isAlive(pid)).toBe(true)
    await clock.advance(200)
    await operation.promise()
    expect(isAlive(pid)).toBe(false)
  })
})
