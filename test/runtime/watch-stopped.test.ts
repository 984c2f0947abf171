import { afterAll, beforeAll, expect, test } from 'vitest'
import { estimatedTasks } from '../../src/google/rest/queues.ts'
import { recordRunStop } from '../../src/run-data/run-stop.ts'
import { watchRun } from '../../src/services/runs/watch.ts'
import { CANCELED } from './fixtures.ts'
import { RUN_QUEUE, startLocalRun } from './local-run.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>

beforeAll(async () => {
  run = await startLocalRun({ units: 2 })
})
afterAll(() => run.stop())

test('a stopped run ends its watch soon, although a poll takes so long that the next one is minutes away', async () => {
  await run.addTask('remaining', { inSeconds: 3_600 })
  expect(await estimatedTasks(RUN_QUEUE)).toBe(1)
  let polls = 0
  let pollMs = 0
  const watch = watchRun(run.spec, {
    signal: new AbortController().signal,
    reporter: {
      detail() {
        polls += 1
        if (polls > 1) return
        // A poll of 9 s is followed by a pause of 216 s.
        pollMs = 9_000
        void recordRunStop(run.spec, CANCELED)
      },
    },
    flags: ' --local',
    now: () => performance.now() + pollMs,
  })
  await expect(watch).rejects.toMatchObject({ code: 'RUN_STOPPED' })
  expect(polls).toBe(2)
})
