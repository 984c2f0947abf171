import { describe, expect, test } from 'vitest'
import { longestTryMs } from '../../../src/contracts/run-spec.ts'
import { dispatchDeadlineSeconds } from '../../../src/runtime/deadlines.ts'
import { callsPerInstance, LOCAL_TASKS, REQUESTS_PER_INSTANCE } from '../../../src/contracts/concurrency.ts'
import { MAX_PROCESSES_DEFAULT, TARGET_UTILIZATION } from '@imagery/local-cloud/internal/apis/cloud-run/limits'
import { googleTarget } from '../../../src/services/session/target.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { chooseModel, type ModelFlags } from '../../../src/services/options/model-choice.ts'
import {
  checkDeploymentLimits,
  checkLocalLimits,
  MAX_CONCURRENCY,
  runLimits,
} from '../../../src/services/options/run-options.ts'

const TABLE = { table: 'street.assets', wait: true }

function limits(profile: string, flags: ModelFlags = {}) {
  return runLimits({ ...TABLE, profile, ...flags }, chooseModel(findProfile(profile), flags).gemini)
}

test('a Gemini run makes 200 calls at once, and has more tasks in progress', () => {
  expect(limits('road-signs')).toEqual({
    queues: 1,
    max_concurrent: 400,
    max_calls: 200,
    max_per_second: 500,
    max_attempts: 10,
    attempt_timeout_ms: 120_000,
    turn_timeout_ms: 120_000,
  })
})

test('a run that measures is limited only by its tasks', () => {
  expect(limits('resolution')).toMatchObject({ queues: 2, max_concurrent: 240, max_calls: null })
})

test('a flex run has one task per call, so that none waits while others take minutes', () => {
  expect(limits('road-signs', { tier: 'flex', concurrency: 40 })).toMatchObject({
    max_concurrent: 40,
    max_calls: 40,
    attempt_timeout_ms: 1_740_000,
  })
})

test.each([
  [{ attemptTimeoutSeconds: 5 }, 60_000],
  [{ attemptTimeoutSeconds: 300 }, 300_000],
  // Together with the row, a try then takes at most the 30 minutes that Cloud Tasks waits.
  [{ attemptTimeoutSeconds: 1_000 }, 765_000],
  [{ tier: 'flex' as const }, 25_000],
])('a delivery of a run with %j waits %d ms for its call', (flags, turn_timeout_ms) => {
  const { gemini } = chooseModel(findProfile('road-signs'), 'tier' in flags ? flags : {})
  const limited = runLimits({ ...TABLE, profile: 'road-signs', ...flags }, gemini)
  expect(limited.turn_timeout_ms).toBe(turn_timeout_ms)
  expect(dispatchDeadlineSeconds(limited)).toBeLessThanOrEqual(1_800)
  expect(dispatchDeadlineSeconds(limited) * 1_000).toBeGreaterThan(longestTryMs(limited))
})

test('one queue dispatches the tasks of the maximum --concurrency', () => {
  expect(limits('road-signs', { concurrency: MAX_CONCURRENCY }).max_concurrent).toBeLessThanOrEqual(5_000)
})

test.each([1, 2, 7, 99, 100, 101, 200, 213, 1_000, MAX_CONCURRENCY])(
  'the instances for %i calls make no more calls in total, and waste few',
  (concurrency) => {
    const chosen = limits('road-signs', { concurrency })
    // https://cloud.google.com/run/docs/about-instance-autoscaling
    const instances = Math.ceil(chosen.max_concurrent / Math.floor(REQUESTS_PER_INSTANCE * TARGET_UTILIZATION))
    const calls = callsPerInstance(chosen)! * instances
    expect(calls).toBeLessThanOrEqual(concurrency)
    expect(calls).toBeGreaterThan(concurrency - instances)
  },
)

test('an instance has no call limit for a run without one', () => {
  expect(callsPerInstance(limits('resolution'))).toBeNull()
})

test('the local cloud has capacity for the default, and reports its capacity', () => {
  expect(LOCAL_TASKS).toBe(MAX_PROCESSES_DEFAULT * Math.floor(REQUESTS_PER_INSTANCE * TARGET_UTILIZATION))
  const check = (concurrency?: number) => () =>
    checkLocalLimits(limits('road-signs', { concurrency }), { ...TABLE, profile: 'road-signs', concurrency })
  expect(check()).not.toThrow()
  expect(check(200)).not.toThrow()
  expect(check(201)).toThrow('--concurrency 201 is too high: the local cloud allows at most 200')
})

describe('a deployment with few instances', () => {
  const perInstance = Math.floor(REQUESTS_PER_INSTANCE * TARGET_UTILIZATION)
  const of = (maxInstances: number, flags: ModelFlags = {}) =>
    runLimits(
      { ...TABLE, profile: 'road-signs', ...flags },
      chooseModel(findProfile('road-signs'), flags).gemini,
      maxInstances,
    )

  test('gets no more tasks than it has room for', () => {
    expect(of(1)).toMatchObject({ max_concurrent: perInstance, max_calls: 200 })
    expect(of(8, { concurrency: 1_500 })).toMatchObject({ max_concurrent: 8 * perInstance, max_calls: 1_500 })
    expect(of(8)).toMatchObject({ max_concurrent: 400, max_calls: 200 })
    expect(runLimits({ ...TABLE, profile: 'resolution' }, null, 1)).toMatchObject({ max_concurrent: perInstance })
    // The one instance makes all the calls.
    expect(callsPerInstance(of(1))).toBe(200)
  })

  test('refuses calls that it could not make, and says how many instances would', () => {
    const target = googleTarget({ projectId: 'p', region: 'us-central1' }, ' --project p')
    const check = (concurrency?: number) => () =>
      checkDeploymentLimits({ ...TABLE, profile: 'road-signs', concurrency }, 8, target)
    expect(check()).not.toThrow()
    expect(check(1_600)).not.toThrow()
    expect(check(2_001)).toThrow(
      expect.objectContaining({
        code: 'INVALID_FLAG',
        message: expect.stringContaining('imagery-main has at most 8 instances, which make 1600 calls at once'),
        suggestions: [
          '--concurrency 1600',
          "imagery deploy --max-instances 11 --project p   (if the project's quota allows it)",
        ],
      }),
    )
  })
})
