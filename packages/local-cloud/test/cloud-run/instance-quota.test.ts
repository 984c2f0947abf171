import { afterAll, beforeAll, expect, test } from 'vitest'
import { PARENT, removeDirectory, serviceOf, startHarness, type Harness } from './cloud-run-fixture.ts'

/* A new project's quota: 20 CPUs and 40 GiB of running instances in a region (googlecodelabs/feedback#1856 and #2311). */

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
})
afterAll(async () => {
  await harness.stop()
  removeDirectory(harness.directory)
})

const created = (maxInstanceCount: number, limits: Record<string, string>, validateOnly = false) =>
  harness.services.createService({
    parent: PARENT,
    serviceId: 'large',
    service: serviceOf('none.tar.gz', {
      template: { scaling: { maxInstanceCount } },
      container: { resources: { limits } },
    }),
    validateOnly,
  })

test.each([
  [
    'CPUs',
    100,
    { cpu: '4', memory: '8Gi' },
    `scaling.max_instance_count: Max instances must be set to 5 or fewer to set the requested total CPU.
Consider running your workload in a region with greater capacity, or requesting an increase in quota for this region if you are seeing sustained usage near this limit, see https://cloud.google.com/run/quotas.

Quota violated:
CpuAllocPerProjectRegion requested: 400000 allowed: 20000
MemAllocPerProjectRegion requested: 858993459200 allowed: 42949672960`,
  ],
  [
    'memory',
    3,
    { cpu: '4', memory: '16Gi' },
    `scaling.max_instance_count: Max instances must be set to 2 or fewer to set the requested total memory.
Consider running your workload in a region with greater capacity, or requesting an increase in quota for this region if you are seeing sustained usage near this limit, see https://cloud.google.com/run/quotas.

Quota violated:
MemAllocPerProjectRegion requested: 51539607552 allowed: 42949672960`,
  ],
])('a service with more instances than the quota of %s allows is refused', async (_what, count, limits, message) => {
  for (const validateOnly of [false, true])
    await expect(created(count, limits, validateOnly)).rejects.toMatchObject({ code: 3, details: message })
})

test('a service with as many instances as the quota allows is accepted', async () => {
  const [operation] = await created(10, { cpu: '2', memory: '2Gi' }, true)
  expect(operation.latestResponse.done).toBe(true)
})
