import { expect, test } from 'vitest'
import { allowedInstances } from '../../../src/google/cloud-run/instance-quota.ts'

test.each([
  // googlecodelabs/feedback#1856
  [
    `spec.template.metadata.annotations[autoscaling.knative.dev/maxScale]: Max instances must be set to 0 or fewer to set the requested total CPU.
Consider running your workload in a region with greater capacity, or requesting an increase in quota for this region.

Quota violated:
CpuAllocPerProjectRegion requested: 60000 allowed: 20000
MemAllocPerProjectRegion requested: 257698037760 allowed: 42949672960`,
    0,
  ],
  // googlecodelabs/feedback#2311
  ['scaling.max_instance_count: Max instances must be set to 7 or fewer to set the requested total memory.', 7],
  // firebase/firebase-tools#5867
  [
    'spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. For the specified value, maxScale may not exceed 10.',
    10,
  ],
  ['template.scaling.max_instance_count: must not be negative', undefined],
  ["Revision 'imagery-main-00002' is not ready and cannot serve traffic.", undefined],
])('a refusal tells how many instances the quota allows: %s', (message, count) => {
  expect(allowedInstances(new Error(message))).toBe(count)
})
