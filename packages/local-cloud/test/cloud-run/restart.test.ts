import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { isAlive } from '../../src/contract/process-alive.ts'
import {
  DEAF,
  deploy,
  DEPLOYER,
  ECHO,
  echoOf,
  eventually,
  harnessMaker,
  PARENT,
  serviceOf,
  upload,
  whileTimePasses,
} from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 20_000 })

const { harnessWith, cleanUp } = harnessMaker()
afterEach(cleanUp)

describe('a restart of the local cloud', () => {
  test('finds its services again, starts their processes with the first request, and keeps the policy', async () => {
    const first = await harnessWith({ echo: ECHO })
    await deploy(first, 'echo', serviceOf('echo.tar.gz'))
    const { pid } = echoOf(await first.call('echo'))
    await first.stop()
    expect(isAlive(pid)).toBe(false)
    const second = await harnessWith({}, { directory: first.directory, objects: new Map() })
    expect(await second.api.describe()).toEqual({ services: 1, revisions: 1, instances: 0 })
    const [service] = await second.services.getService({ name: `${PARENT}/services/echo` })
    expect(service).toMatchObject({ creator: DEPLOYER, generation: '1' })
    expect(echoOf(await second.call('echo')).pid).not.toBe(pid)
  })

  test('starts the minimum number of instances at once', async () => {
    const first = await harnessWith({ echo: ECHO })
    await deploy(first, 'echo', serviceOf('echo.tar.gz', { template: { scaling: { minInstanceCount: 1 } } }))
    await first.stop()
    const second = await harnessWith({}, { directory: first.directory })
    expect(await second.api.describe()).toMatchObject({ instances: 1 })
  })

  test('in the middle of a deployment continues it under the same operation', async () => {
    const first = await harnessWith({ echo: ECHO })
    const slow = "setTimeout(() => import('./echo.mjs'), 1000)"
    upload(first, 'slow.tar.gz', { 'server.mjs': slow, 'echo.mjs': ECHO })
    const [operation] = await first.services.createService({
      parent: PARENT,
      serviceId: 'slow',
      service: serviceOf('slow.tar.gz'),
    })
    await eventually('its process runs', async () => (await first.api.describe())['instances'] === 1)
    await first.stop()
    const second = await harnessWith({}, { directory: first.directory, objects: first.objects })
    const resumed = await second.services.checkCreateServiceProgress(operation.name ?? '')
    expect(resumed.done).toBe(false)
    await resumed.promise()
    const [service] = await second.services.getService({ name: `${PARENT}/services/slow` })
    expect(service.terminalCondition?.state).toBe('CONDITION_SUCCEEDED')
  })

  test('rebuilds a revision whose directory was lost', async () => {
    const first = await harnessWith({ echo: ECHO })
    await deploy(first, 'echo', serviceOf('echo.tar.gz'))
    await first.stop()
    rmSync(path.join(first.directory, 'run/revisions'), { recursive: true })
    const second = await harnessWith({}, { directory: first.directory, objects: first.objects })
    expect((await second.call('echo')).status).toBe(200)
  })
})

describe('waiting for an operation', () => {
  test('ends with the operation or at the timeout', async () => {
    const clock = new ManualClock()
    const harness = await harnessWith({ deaf: DEAF }, { clock })
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'deaf',
      service: serviceOf('deaf.tar.gz'),
    })
    const isUp = (): boolean => harness.logLines.includes('[deaf] up')
    await whileTimePasses(clock, eventually('its process runs', isUp))
    const name = operation.name ?? ''
    const short = harness.api.operations.wait?.(name, 5_000)
    await clock.advance(5_000)
    expect(await short).toMatchObject({ name, done: false })
    const long = harness.api.operations.wait?.(name, 600_000)
    await clock.advance(250_000)
    expect(await long).toMatchObject({ name, done: true, error: { code: 9 } })
  })
})

describe('the log of a service', () => {
  test('is rotated at 10 MB, and one older file is kept', async () => {
    const harness = await harnessWith({
      echo: ECHO.replace(
        "if (request.url === '/crash')",
        "console.log('a line of ' + request.url)\n  if (request.url === '/crash')",
      ),
    })
    const file = path.join(harness.directory, 'run/logs/echo.log')
    await deploy(harness, 'echo', serviceOf('echo.tar.gz'))
    const before = readFileSync(file, 'utf8')
    expect(before).toContain('listening\n')
    await harness.stop()
    writeFileSync(file, `${'x'.repeat(10 * 1024 * 1024)}\n`)
    const second = await harnessWith({}, { directory: harness.directory, objects: harness.objects })
    expect((await second.call('echo', { path: '/new' })).status).toBe(200)
    await eventually('the line is there', () => readFileSync(file, 'utf8').includes('a line of /new\n'))
    expect(statSync(file).size).toBeLessThan(10_000)
    expect(statSync(`${file}.1`).size).toBeGreaterThan(10 * 1024 * 1024)
  })
})
