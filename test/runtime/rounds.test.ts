import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { longestTryMs, type RunSpec } from '../../src/contracts/run-spec.ts'
import { bucketName, generationsPrefix, topicName } from '../../src/contracts/names.ts'
import { grpcClientOptions } from '../../src/google/auth/credentials.ts'
import { ensureTopic } from '../../src/google/pubsub.ts'
import { deleteObjects, listObjects } from '../../src/google/storage/storage.ts'
import { usePauses } from '../../src/google/transport/pauses.ts'
import { awaitCallsInProgress } from '../../src/services/run/calls-in-progress.ts'
import type { RecordedContext } from '../../src/services/run/context.ts'
import { beginGeneration } from '../../src/run-data/rounds.ts'
import { processAssets, publishShards } from '../../src/services/run/steps.ts'
import { RUN_ID } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'
import { PLACE, RUN_QUEUE, startLocalRun } from './local-run.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>
beforeAll(async () => {
  run = await startLocalRun({ units: 3 })
  await ensureTopic(topicName(PLACE, RUN_ID), {})
})
afterAll(() => run.stop())
beforeEach(() => deleteObjects(bucketName(PLACE), generationsPrefix(RUN_ID)))

const reporter = { detail: () => {} }

function context(spec: RunSpec = run.spec) {
  const base = { runId: RUN_ID, spec, signal: new AbortController().signal, milestones: { isPublished: false } }
  const target = { place: PLACE, flags: ' --local' }
  return { ...({ ...base, target } as unknown as RecordedContext), assets: 3, queues: [RUN_QUEUE] }
}

async function begun(): Promise<string[]> {
  const names = await listObjects(bucketName(PLACE), generationsPrefix(RUN_ID))
  return names.map((name) => name.slice(name.lastIndexOf('/') + 1))
}

/**
 * Waits for a run without tasks or rows, with a clock that moves a second at each look at it. Returns what the step
 * showed: one line per poll, and one per generation.
 */
async function process(
  tier: 'standard' | 'flex',
  isResume: boolean,
  onLine: (lines: number) => Promise<void> = async () => {},
): Promise<string[]> {
  let nowMs = 0
  const lines: string[] = []
  const detail = (text: string): void => void onLine(lines.push(text))
  const spec = { ...run.spec, gemini: geminiSpec({ tier }).gemini }
  const step = processAssets({ isResume, now: () => (nowMs += 1_000) })
  await expect(step.run(context(spec), { detail })).rejects.toMatchObject({ code: 'RUN_STALLED', pending: 3 })
  return lines
}

const pollsBefore = (lines: string[], generation: number): number =>
  lines.findIndex((line) => line.includes(`(generation ${generation})`))

describe('a stalled run', () => {
  test('gets two more generations of tasks on the standard tier', async () => {
    await process('standard', false)
    expect(await begun()).toEqual(['1', '2'])
  })

  test('gives the tasks of a generation that another command has begun the same time', async () => {
    const alone = pollsBefore(await process('standard', false), 1)
    await deleteObjects(bucketName(PLACE), generationsPrefix(RUN_ID))
    const lines = await process('standard', false, async (count) => {
      if (count === 1) await beginGeneration(run.spec, { generation: 1 })
    })
    expect(pollsBefore(lines, 1)).toBe(-1)
    expect(pollsBefore(lines, 2)).toBeGreaterThan(alone)
    expect(await begun()).toEqual(['1', '2', '3'])
  })

  test('gets none on the flex tier, where a late answer would be paid twice', async () => {
    await process('flex', false)
    expect(await begun()).toEqual([])
  })

  test('gets them on the flex tier when the user resumes it', async () => {
    await process('flex', true)
    expect(await begun()).toEqual(['1', '2'])
  })
})

describe('a resume after a probe that another command made', () => {
  test('queues only the units without a row', async () => {
    await run.addAttempts([run.attempt(0)])
    const messages = await subscribed()
    // The units of a probe are not always the same: a grant can have made the images of others readable.
    await publishShards.run({ ...context(), pending: 2, probed: ['unit-1'] }, reporter)
    expect(await messages()).toEqual([
      expect.objectContaining({ generation: 0, only_pending: true, skip: ['unit-1'] }) as object,
    ])
  })

  test('and a new run queues all but the units of its own probe', async () => {
    const messages = await subscribed()
    await beginGeneration(run.spec, { generation: 0 })
    await publishShards.run({ ...context(), probed: ['unit-1'] }, reporter)
    expect(await messages()).toEqual([
      expect.objectContaining({ generation: 0, only_pending: false, skip: ['unit-1'] }) as object,
    ])
  })
})

/** Subscribes to the run's topic. Returns a function that returns the shards published since then. */
async function subscribed(): Promise<() => Promise<unknown[]>> {
  const { v1 } = await import('@google-cloud/pubsub')
  const { projectId: _, ...options } = await grpcClientOptions(PLACE.projectId)
  const client = new v1.SubscriberClient(options)
  const subscription = `projects/${PLACE.projectId}/subscriptions/shards-${(subscriptions += 1)}`
  await client.createSubscription({ name: subscription, topic: topicName(PLACE, RUN_ID) })
  return async () => {
    const [{ receivedMessages }] = await client.pull({ subscription, maxMessages: 100 })
    await client.close()
    return (receivedMessages ?? []).map(({ message }) => JSON.parse(String(message?.data)) as unknown)
  }
}

let subscriptions = 0

describe('a resume after a queue of the run was deleted by hand', () => {
  async function waited(newQueues: number): Promise<number> {
    let nowMs = 0
    usePauses({ now: () => nowMs, pause: async (durationMs) => void (nowMs += durationMs) })
    try {
      await awaitCallsInProgress.run({ ...context(), newQueues }, reporter)
    } finally {
      usePauses()
    }
    return nowMs
  }

  test('waits for the longest call, and then looks for a row before it pays for a unit', async () => {
    await beginGeneration(run.spec, { generation: 2 })
    expect(await waited(1)).toBe(longestTryMs(run.spec.limits) + 60_000)
    expect((await begun()).toSorted()).toEqual(['2', '3'])
  })

  test('does not wait if all queues are there, or none of its tasks were ever queued', async () => {
    expect(await waited(1)).toBe(0)
    await beginGeneration(run.spec, { generation: 2 })
    expect(await waited(0)).toBe(0)
    expect(await begun()).toEqual(['2'])
  })
})

describe('the number of shards', () => {
  const published = async (pending?: number): Promise<string> => {
    const outcome = await publishShards.run(
      { ...context(), assets: 100_000, ...(pending ? { pending } : {}) },
      reporter,
    )
    return 'done' in outcome ? String(outcome.done) : ''
  }

  test('of a first round follows the snapshot', async () => {
    expect(await published()).toBe('50 shards')
  })

  test('of a round of pending units follows their number, so that it reads less', async () => {
    await beginGeneration(run.spec, { generation: 0 })
    expect(await published(5_000)).toBe('3 shards')
  })
})
