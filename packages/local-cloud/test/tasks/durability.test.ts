import { afterEach, beforeEach, expect, test } from 'vitest'
import { ScheduleWindow, type Slot } from '../../src/apis/tasks/schedule-window.ts'
import { LOCATION, pending, QUEUE, START_MS, TasksCloud, URL, type Answer } from './tasks-fixture.ts'

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud()
  await cloud.start()
})
afterEach(() => cloud.destroy())

const seconds = (value: number) => ({ seconds: value, nanos: 0 })
const never = (): Promise<Answer> => new Promise<Answer>(() => undefined)

test('queues, their settings and their state survive a kill', async () => {
  await cloud.createQueue({
    rateLimits: { maxDispatchesPerSecond: 7 },
    retryConfig: { maxAttempts: 3, minBackoff: seconds(2) },
  })
  const before = (await cloud.client.pauseQueue({ name: QUEUE }))[0]
  await cloud.killAndRestart()
  expect((await cloud.client.getQueue({ name: QUEUE }))[0]).toEqual(before)
})

test('tasks survive a kill and are dispatched unchanged at their time', async () => {
  await cloud.createQueue()
  const httpRequest = { url: URL, headers: { 'x-own': 'kept' }, body: Buffer.from([0, 255, 1]) }
  await cloud.createTask({
    id: 'a',
    httpRequest,
    scheduleTime: seconds(START_MS / 1_000 + 60),
    dispatchDeadline: seconds(20),
  })
  await cloud.killAndRestart()
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 1 })
  await cloud.clock.advance(60_000)
  expect(cloud.times()).toEqual([60_000])
  expect(cloud.dispatches[0]).toMatchObject({ url: URL, body: Buffer.from([0, 255, 1]), deadlineMs: 20_000 })
  expect(cloud.dispatches[0]?.headers).toMatchObject({ 'x-own': 'kept', 'X-CloudTasks-TaskName': 'a' })
})

test('a task in progress at a kill is sent again, and the interrupted attempt counts', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 3 } })
  cloud.answer = never
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  cloud.answer = () => 500
  await cloud.killAndRestart()
  await cloud.clock.advance(60_000)
  const counts = cloud.dispatches.map(({ headers }) => headers['X-CloudTasks-TaskRetryCount'])
  expect(counts).toEqual(['0', '1', '2'])
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
})

test('a task interrupted in its last allowed attempt is sent once more, so a lost answer does not lose the task', async () => {
  await cloud.createQueue({ retryConfig: { maxAttempts: 1 } })
  cloud.answer = never
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  cloud.answer = () => 500
  await cloud.killAndRestart()
  await cloud.clock.advance(60_000)
  expect(cloud.dispatchedTasks()).toEqual(['a', 'a'])
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
})

test('a task that succeeded before a kill is not sent again, and its name stays taken', async () => {
  await cloud.createQueue()
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  await cloud.killAndRestart()
  await cloud.clock.advance(60_000)
  expect(cloud.dispatches).toHaveLength(1)
  await expect(cloud.createTask({ id: 'a' })).rejects.toMatchObject({ code: 6 })
})

test('a backoff continues after a kill', async () => {
  await cloud.createQueue({ retryConfig: { minBackoff: seconds(30) } })
  cloud.answer = () => 500
  await cloud.createTask()
  await cloud.clock.advance(10_000)
  cloud.answer = () => 200
  await cloud.killAndRestart()
  await cloud.clock.advance(60_000)
  expect(cloud.times()).toEqual([0, 30_000])
})

test('deleted queues stay deleted and their names stay taken across a kill', async () => {
  await cloud.createQueue()
  await cloud.client.deleteQueue({ name: QUEUE })
  await cloud.killAndRestart()
  await expect(cloud.client.getQueue({ name: QUEUE })).rejects.toMatchObject({ code: 5 })
  await expect(cloud.createQueue()).rejects.toMatchObject({ code: 9 })
})

test('a normal stop loses nothing either', async () => {
  await cloud.createQueue()
  const answer = pending<Answer>()
  cloud.answer = () => answer.promise
  await cloud.createTask({ id: 'under-way' })
  await cloud.settle()
  await cloud.createTask({ id: 'waiting', scheduleTime: seconds(START_MS / 1_000 + 5) })
  cloud.answer = () => 200
  await cloud.restart()
  // The answer of the attempt that the stop abandoned comes too late to count.
  answer.resolve(500)
  await cloud.clock.advance(60_000)
  expect(cloud.dispatchedTasks()).toEqual(['under-way', 'under-way', 'waiting'])
})

test('a backlog too large for memory is dispatched in order, each task once', async () => {
  const count = 6_000
  await cloud.createQueue({ rateLimits: { maxConcurrentDispatches: 5_000 } })
  await cloud.client.pauseQueue({ name: QUEUE })
  for (let from = 0; from < count; from += 100) {
    // Created in the reverse order of their schedule.
    const requests = Array.from({ length: 100 }, (_, index) => {
      const place = count - 1 - (from + index)
      const scheduleTime = { seconds: START_MS / 1_000, nanos: (place + 1) * 1_000 }
      return { parent: QUEUE, task: { name: `${QUEUE}/tasks/${place}`, httpRequest: { url: URL }, scheduleTime } }
    })
    await cloud.beta.batchCreateTasks({ parent: QUEUE, requests })
  }
  await cloud.client.resumeQueue({ name: QUEUE })
  await cloud.clock.advance(15_000)
  expect(cloud.dispatchedTasks()).toEqual(Array.from({ length: count }, (_, place) => String(place)))
  expect(await cloud.api.describe()).toEqual({ queues: 1, tasks: 0 })
})

test('when the disk refuses a write, nothing is sent or lost, and dispatching resumes once the disk works again', async () => {
  const { DatabaseSync } = await import('node:sqlite')
  await cloud.createQueue()
  await cloud.createTask({ id: 'a', scheduleTime: seconds(START_MS / 1_000 + 1) })
  const { file, quiet } = { file: `${cloud.directory}/cloud-tasks.sqlite`, quiet: silenceErrors() }
  const other = new DatabaseSync(file)
  other.exec(`CREATE TRIGGER refuse BEFORE UPDATE ON tasks BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
  await cloud.clock.advance(1_500)
  expect(cloud.dispatches).toEqual([])
  expect(quiet.lines.join()).toMatch(/disk full/)
  other.exec('DROP TRIGGER refuse')
  other.exec(`CREATE TRIGGER refuse BEFORE DELETE ON tasks BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
  await cloud.clock.advance(2_000)
  expect(cloud.dispatchedTasks()).toEqual(['a'])
  expect(await cloud.api.describe()).toMatchObject({ tasks: 1 })
  other.exec('DROP TRIGGER refuse')
  other.close()
  await cloud.clock.advance(2_000)
  quiet.restore()
  expect(cloud.dispatchedTasks()).toEqual(['a'])
  expect(await cloud.api.describe()).toMatchObject({ tasks: 0 })
})

function silenceErrors(): { lines: string[]; restore: () => void } {
  const original = console.error
  const lines: string[] = []
  console.error = (...parts: unknown[]) => void lines.push(parts.map(String).join(' '))
  return { lines, restore: () => (console.error = original) }
}

test('queues with the same ID in different locations are different queues', async () => {
  const elsewhere = 'projects/test-project/locations/europe-west1/queues/imagery-run'
  await cloud.createQueue()
  await cloud.client.createQueue({ parent: 'projects/test-project/locations/europe-west1', queue: { name: elsewhere } })
  await cloud.client.pauseQueue({ name: elsewhere })
  await cloud.createTask({ id: 'a' }, elsewhere)
  await cloud.createTask({ id: 'a' })
  await cloud.settle()
  expect(cloud.dispatches).toHaveLength(1)
  expect((await cloud.client.listQueues({ parent: LOCATION }))[0]).toHaveLength(1)
})

/** The window against a plain list that holds everything, under a long random course of events. */
test('the schedule window gives the same order as a list of all tasks', () => {
  let state = 42
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
  const stored = new Map<number, number>()
  const away = new Set<number>()
  const ordered = (): Slot[] =>
    [...stored]
      .map(([seq, scheduleUs]) => ({ seq, scheduleUs }))
      .toSorted((a, b) => a.scheduleUs - b.scheduleUs || a.seq - b.seq)
  const read = (after: Slot | null, limit: number): Slot[] =>
    ordered()
      .filter(
        ({ seq, scheduleUs }) =>
          after === null || scheduleUs > after.scheduleUs || (scheduleUs === after.scheduleUs && seq > after.seq),
      )
      .slice(0, limit)
  const window = new ScheduleWindow(read, (seq) => away.has(seq))
  let seq = 0
  const put = (task: number, scheduleUs: number): void => {
    stored.set(task, scheduleUs)
    window.offer({ seq: task, scheduleUs })
  }
  for (let step = 0; step < 9_000; step++) put(seq++, random(5_000))
  for (let step = 0; step < 150; step++) {
    const waiting = ordered().filter((slot) => !away.has(slot.seq))
    expect(window.peek()).toEqual(waiting[0])
    for (const expected of waiting.slice(0, random(240))) {
      expect(window.peek()).toEqual(expected)
      window.shift()
      away.add(expected.seq)
    }
    for (const task of [...away].slice(0, random(160))) {
      away.delete(task)
      if (random(3) === 0) put(task, random(6_000))
      else stored.delete(task)
    }
    // RunTask: out of order, from anywhere in the schedule.
    for (let forced = random(40); forced > 0; forced--) {
      const task = waiting[random(waiting.length)]?.seq
      if (task !== undefined && stored.has(task)) {
        window.remove(task)
        away.add(task)
      }
    }
    if (random(10) === 0) {
      const task = waiting[random(waiting.length)]?.seq
      if (task !== undefined && !away.has(task)) {
        stored.delete(task)
        window.remove(task)
      }
    }
    if (random(4) === 0) for (let created = random(320); created > 0; created--) put(seq++, random(6_000))
  }
})
