import { afterEach, expect, it } from 'vitest'
import { QUEUE_MS } from '../../src/apis/cloud-build/builds.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import { startLocalCloud, type LocalCloudOptions } from '../../src/host/local-cloud.ts'
import { buildOf, dockerfile, IMAGE, logOf, startBuildHarness, type BuildHarness } from './build-fixture.ts'
import { callApi } from '../host/local-cloud-fixture.ts'
import { eventually } from '../cloud-run/cloud-run-fixture.ts'

const harnesses: BuildHarness[] = []
afterEach(async () => {
  for (const harness of harnesses.splice(0)) await harness.stop()
})

async function submitted(options: Partial<LocalCloudOptions>): Promise<{ harness: BuildHarness; operation: string }> {
  const harness = await startBuildHarness(options)
  harnesses.push(harness)
  await harness.upload('app.tar.gz', { Dockerfile: dockerfile(), 'server.mjs': '' })
  return { harness, operation: await harness.submit('app.tar.gz') }
}

it('a build waits in the queue, then runs with a growing log, and finishes', async () => {
  const clock = new ManualClock()
  const { harness, operation } = await submitted({ clock })
  const read = async () => (await harness.cloudBuild.projects.locations.operations.get({ name: operation })).data
  await clock.advance(QUEUE_MS - 1)
  expect(buildOf(await read()).status).toBe('QUEUED')
  await clock.advance(1)
  await eventually('the first step', async () => (await logOf(harness, buildOf(await read()))).includes('Step 1/4'))
  const working = await read()
  expect([working.done, buildOf(working).status, buildOf(working).steps?.[0]?.status]).toEqual([
    undefined,
    'WORKING',
    'WORKING',
  ])
  expect(await logOf(harness, buildOf(working))).not.toContain('Step 2/4')
  await eventually('the end', async () => {
    await clock.advance(20)
    return (await read()).done === true
  })
  expect(await logOf(harness, buildOf(await read()))).toContain('DONE')
})

it('a build failed by a fault rule ends with an internal error, and the next build succeeds', async () => {
  const effect = { kind: 'error', status: 'INTERNAL', message: 'the builder went away' } as const
  const faults = [{ method: 'operation/google.cloud.run.v2.Builds/SubmitBuild', nth: 1, effect }]
  const { harness, operation } = await submitted({ faults })
  const failed = await harness.finished(operation)
  expect(failed.error?.code).toBe(13)
  expect(buildOf(failed)).toMatchObject({
    status: 'INTERNAL_ERROR',
    statusDetail: expect.stringContaining('the builder went away') as string,
  })
  expect(buildOf(await harness.finished(await harness.submit('app.tar.gz'))).status).toBe('SUCCESS')
})

it('an interrupted build restarts with the local cloud', async () => {
  const clock = new ManualClock()
  const { harness, operation } = await submitted({ clock })
  await clock.advance(QUEUE_MS)
  await harness.cloud.stop()
  const again = await startLocalCloud({ dataDir: harness.dataDir })
  try {
    const read = async () => (await (await callApi(again, `/v1/${operation}`)).json()) as { done?: boolean }
    await eventually('the end', async () => (await read()).done === true)
    expect(await read()).toMatchObject({ response: { status: 'SUCCESS', images: [`${IMAGE}:latest`] } })
  } finally {
    await again.stop()
  }
})
