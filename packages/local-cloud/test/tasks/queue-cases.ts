import { expect } from 'vitest'
import {
  RPC,
  BETA,
  INVALID_ARGUMENT,
  NOT_FOUND,
  ALREADY_EXISTS,
  NO_QUEUE,
  NOT_THERE,
  matching,
  newQueue,
  createQueue,
  seconds,
  type Case,
} from './case-fixture.ts'
import { LOCATION, QUEUE } from './tasks-fixture.ts'

/**
 * Cloud Tasks' answers, according to Google's reference. The error texts are those that Google's
 * service was seen to send.
 */
export const queueCases: Case[] = [
  {
    name: 'a queue without settings gets the documented defaults',
    link: `${RPC}.Queue`,
    call: (cloud) => createQueue(cloud, {}),
    answer: {
      rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 100, maxConcurrentDispatches: 1000 },
      retryConfig: {
        maxAttempts: 100,
        maxRetryDuration: null,
        minBackoff: { seconds: '0', nanos: 100_000_000 },
        maxBackoff: { seconds: '3600', nanos: 0 },
        maxDoublings: 16,
      },
      state: 'RUNNING',
      purgeTime: null,
    },
  },
  {
    name: 'the largest rates are accepted',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxDispatchesPerSecond: 500, maxConcurrentDispatches: 5000 } }),
    answer: { rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 100, maxConcurrentDispatches: 5000 } },
  },
  {
    name: 'more than 500 dispatches a second are refused',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxDispatchesPerSecond: 500.1 } }),
    error: [INVALID_ARGUMENT, 'RateLimits.maxDispatchesPerSecond must be less than or equal to 500.'],
  },
  {
    name: 'a negative dispatch rate is refused',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxDispatchesPerSecond: -1 } }),
    error: [INVALID_ARGUMENT, 'RateLimits.maxDispatchesPerSecond cannot be negative.'],
  },
  {
    name: 'more than 5,000 concurrent dispatches are refused',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxConcurrentDispatches: 5001 } }),
    error: [INVALID_ARGUMENT, 'RateLimits.maxConcurrentDispatches must be less than or equal to 5000.'],
  },
  {
    name: 'negative concurrent dispatches are refused',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxConcurrentDispatches: -1 } }),
    error: [INVALID_ARGUMENT, 'RateLimits.maxConcurrentDispatches cannot be negative.'],
  },
  {
    name: 'v2 ignores a burst size, which is output only there',
    link: `${RPC}.RateLimits`,
    call: (cloud) => createQueue(cloud, { rateLimits: { maxBurstSize: -1 } }),
    answer: { rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 100, maxConcurrentDispatches: 1000 } },
  },
  {
    name: 'v2beta3 takes a burst size of 500',
    link: `${BETA}.RateLimits`,
    call: async (cloud) =>
      (
        await cloud.beta.createQueue({
          parent: LOCATION,
          queue: { name: newQueue(), rateLimits: { maxBurstSize: 500 } },
        })
      )[0],
    answer: { rateLimits: { maxDispatchesPerSecond: 500, maxBurstSize: 500, maxConcurrentDispatches: 1000 } },
  },
  {
    name: 'v2beta3 refuses a burst size above 500',
    link: `${BETA}.RateLimits`,
    call: (cloud) =>
      cloud.beta.createQueue({ parent: LOCATION, queue: { name: newQueue(), rateLimits: { maxBurstSize: 501 } } }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'unlimited attempts are -1',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { maxAttempts: -1 } }),
    answer: { retryConfig: expect.objectContaining({ maxAttempts: -1 }) },
  },
  {
    name: 'fewer than -1 attempts are refused',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { maxAttempts: -2 } }),
    error: [INVALID_ARGUMENT, 'RetryConfig.maxAttempts must be greater or equal to -1.'],
  },
  {
    name: 'negative doublings are refused',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { maxDoublings: -1 } }),
    error: [INVALID_ARGUMENT, 'RetryConfig.maxDoublings cannot be negative.'],
  },
  {
    name: 'a negative minBackoff is refused',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { minBackoff: seconds(-1) } }),
    error: [INVALID_ARGUMENT, 'RetryConfig.minBackoff cannot be negative.'],
  },
  {
    name: 'a minBackoff above the maxBackoff is refused',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { minBackoff: seconds(10), maxBackoff: seconds(5) } }),
    error: [INVALID_ARGUMENT, 'RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.'],
  },
  {
    name: 'maxRetryDuration is truncated to the second',
    link: `${RPC}.RetryConfig`,
    call: (cloud) => createQueue(cloud, { retryConfig: { maxRetryDuration: { seconds: 9, nanos: 999_000_000 } } }),
    answer: { retryConfig: expect.objectContaining({ maxRetryDuration: { seconds: '9', nanos: 0 } }) },
  },
  {
    name: 'a task_ttl of 10 days and a tombstone_ttl of 9 days are accepted',
    link: `${BETA}.Queue`,
    call: async (cloud) =>
      (
        await cloud.beta.createQueue({
          parent: LOCATION,
          queue: { name: newQueue(), taskTtl: seconds(10 * 86_400), tombstoneTtl: seconds(9 * 86_400) },
        })
      )[0],
    answer: { taskTtl: { seconds: '864000', nanos: 0 }, tombstoneTtl: { seconds: '777600', nanos: 0 } },
  },
  {
    name: 'a task_ttl below 10 days is refused',
    link: `${BETA}.Queue`,
    call: (cloud) =>
      cloud.beta.createQueue({ parent: LOCATION, queue: { name: newQueue(), taskTtl: seconds(864_000 - 1) } }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'a tombstone_ttl below an hour is refused',
    link: `${BETA}.Queue`,
    call: (cloud) =>
      cloud.beta.createQueue({ parent: LOCATION, queue: { name: newQueue(), tombstoneTtl: seconds(3_599) } }),
    error: [INVALID_ARGUMENT],
  },
  {
    name: 'a queue id of 100 characters is accepted',
    link: `${RPC}.Queue`,
    call: (cloud) => createQueue(cloud, {}, `${LOCATION}/queues/${'q'.repeat(100)}`),
    answer: { state: 'RUNNING' },
  },
  {
    name: 'a queue id of 101 characters is refused',
    link: `${RPC}.Queue`,
    call: (cloud) => createQueue(cloud, {}, `${LOCATION}/queues/${'q'.repeat(101)}`),
    error: [
      INVALID_ARGUMENT,
      'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
    ],
  },
  {
    name: 'a queue id with an underscore is refused',
    link: `${RPC}.Queue`,
    call: (cloud) => createQueue(cloud, {}, `${LOCATION}/queues/a_b`),
    error: [INVALID_ARGUMENT, matching(/^Queue name must be formatted/)],
  },
  {
    name: 'a queue in another location than the parent is refused',
    link: `${RPC}.CreateQueueRequest`,
    call: (cloud) => createQueue(cloud, {}, 'projects/test-project/locations/europe-west1/queues/a'),
    error: [INVALID_ARGUMENT, `projects/test-project/locations/europe-west1/queues/a must begin with ${LOCATION}.`],
  },
  {
    name: 'an existing queue is not created again',
    link: `${RPC}.CloudTasks.CreateQueue`,
    call: (cloud) => createQueue(cloud, {}, QUEUE),
    error: [ALREADY_EXISTS, 'Queue already exists'],
  },
  {
    name: 'a missing queue is not found',
    link: `${RPC}.CloudTasks.GetQueue`,
    call: (cloud) => cloud.client.getQueue({ name: NOT_THERE }),
    error: [NOT_FOUND, NO_QUEUE],
  },
  {
    name: 'a missing queue cannot be deleted',
    link: `${RPC}.CloudTasks.DeleteQueue`,
    call: (cloud) => cloud.client.deleteQueue({ name: NOT_THERE }),
    error: [NOT_FOUND, 'Requested entity was not found.'],
  },
  {
    name: 'a missing queue cannot be paused',
    link: `${RPC}.CloudTasks.PauseQueue`,
    call: (cloud) => cloud.client.pauseQueue({ name: NOT_THERE }),
    error: [NOT_FOUND, NO_QUEUE],
  },
  {
    name: 'a missing queue cannot be resumed',
    link: `${RPC}.CloudTasks.ResumeQueue`,
    call: (cloud) => cloud.client.resumeQueue({ name: NOT_THERE }),
    error: [NOT_FOUND, NO_QUEUE],
  },
  {
    name: 'a missing queue cannot be purged',
    link: `${RPC}.CloudTasks.PurgeQueue`,
    call: (cloud) => cloud.client.purgeQueue({ name: NOT_THERE }),
    error: [NOT_FOUND, NO_QUEUE],
  },
  {
    name: 'a malformed queue name is refused',
    isOnlyGrpc: true,
    link: `${RPC}.GetQueueRequest`,
    call: (cloud) => cloud.client.getQueue({ name: `${LOCATION}/queues/` }),
    error: [INVALID_ARGUMENT, 'Invalid resource field value in the request.'],
  },
]
