import { describe, expect, test } from 'vitest'
import { BUCKETS, shardMessage } from '../../src/contracts/messages.ts'
import { shards } from '../../src/run-data/shards.ts'

const QUEUES = [
  'projects/p-1/locations/l/queues/imagery-261123-9f3c1a7b',
  'projects/p-1/locations/l/queues/imagery-261123-9f3c1a7b-2',
]

const first = { generation: 0, onlyPending: false }

describe.each([1, 12, 2_000, 4_001, 100_000, 1_000_003, 50_000_000])('the shards of %i assets', (assets) => {
  const messages = shards('261123-9f3c1a7b', assets, QUEUES, first)

  test('cover every bucket exactly once', () => {
    const covered = messages.flatMap(({ bucket_from: from, bucket_to: to }) =>
      Array.from({ length: to - from + 1 }, (_, index) => from + index),
    )
    expect(covered).toEqual(Array.from({ length: BUCKETS }, (_, bucket) => bucket))
  })

  test('are accepted by populate, and keep every queue busy', () => {
    for (const message of messages) expect(shardMessage.parse(message)).toEqual(message)
    const perQueue = QUEUES.map((queue) => messages.filter((message) => message.queue === queue).length)
    expect(Math.min(...perQueue)).toBeGreaterThan(0)
    expect(Math.max(...perQueue) - Math.min(...perQueue)).toBeLessThanOrEqual(1)
  })
})

test('a later round is marked in every shard', () => {
  const messages = shards('261123-9f3c1a7b', 10_000, QUEUES, { generation: 3, onlyPending: true })
  expect(new Set(messages.map((message) => JSON.stringify([message.generation, message.only_pending])))).toEqual(
    new Set(['[3,true]']),
  )
})

test('every shard names the units that have their row from the probe', () => {
  const skip = ['sign-1']
  const messages = shards('261123-9f3c1a7b', 10_000, QUEUES, { generation: 0, onlyPending: false, skip })
  expect(messages.every((message) => shardMessage.parse(message).skip?.[0] === 'sign-1')).toBe(true)
  expect(shards('261123-9f3c1a7b', 10, QUEUES, { generation: 0, onlyPending: false, skip: [] })[0]).not.toHaveProperty(
    'skip',
  )
})
