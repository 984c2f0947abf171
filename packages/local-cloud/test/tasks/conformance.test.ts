import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  RPC,
  BETA,
  NOT_FOUND,
  ALREADY_EXISTS,
  FAILED_PRECONDITION,
  NO_QUEUE,
  matching,
  newQueue,
  newTask,
  createQueue,
  createTask,
  seconds,
} from './case-fixture.ts'
import { LOCATION, QUEUE, TasksCloud } from './tasks-fixture.ts'
import { queueCases } from './queue-cases.ts'
import { refusedCases } from './refused-cases.ts'
import { taskCases } from './task-cases.ts'
import { outcomeOf, type Transport } from '../kernel/transcoded-server-fixture.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let cloud: TasksCloud

const startCloud = async (transport?: Transport): Promise<void> => {
  cloud = new TasksCloud(transport)
  await cloud.start()
  await cloud.createQueue()
  // Nothing is dispatched while the cases look at the tasks.
  await cloud.client.pauseQueue({ name: QUEUE })
}

describe.each<Transport>(['gRPC', 'REST'])('over %s', (transport) => {
  beforeAll(() => startCloud(transport))
  afterAll(() => cloud.destroy())

  describe.each([
    ['queues', queueCases],
    ['tasks', taskCases],
    ['what is not emulated', refusedCases],
  ])('%s', (_, cases) => {
    const sendable = cases.filter(({ isOnlyGrpc }) => transport === 'gRPC' || !isOnlyGrpc)
    test.each(sendable)('$name ($link)', async ({ call, answer, error }) => {
      const outcome = await call(cloud).then((given) => ({ answer: given }), outcomeOf)
      expect(outcome).toMatchObject(
        error === undefined ? { answer } : { code: error[0], text: error[1] ?? matching(/./) },
      )
    })
  })
})

describe('names of deleted resources', () => {
  beforeAll(() => startCloud())
  afterAll(() => cloud.destroy())

  test(`a deleted queue's name can be used again after 7 days, not before (${RPC}.CloudTasks.DeleteQueue)`, async () => {
    const name = newQueue()
    await createQueue(cloud, {}, name)
    await cloud.client.deleteQueue({ name })
    await expect(cloud.client.getQueue({ name })).rejects.toMatchObject({ code: NOT_FOUND, details: NO_QUEUE })
    const tooRecent = {
      code: FAILED_PRECONDITION,
      details: 'The queue cannot be created because a queue with this name existed too recently.',
    }
    await expect(createQueue(cloud, {}, name)).rejects.toMatchObject(tooRecent)
    await cloud.clock.advance(7 * DAY_MS - 1)
    await expect(createQueue(cloud, {}, name)).rejects.toMatchObject(tooRecent)
    await cloud.clock.advance(1)
    await expect(createQueue(cloud, {}, name)).resolves.toMatchObject({ name })
  })

  test(`a deleted task's name can be used again after an hour, not before (${RPC}.CreateTaskRequest)`, async () => {
    const name = `${QUEUE}/tasks/${newTask()}`
    await createTask(cloud, { name })
    await cloud.client.deleteTask({ name })
    await cloud.clock.advance(HOUR_MS - 1)
    await expect(createTask(cloud, { name })).rejects.toMatchObject({ code: ALREADY_EXISTS })
    await cloud.clock.advance(1)
    await expect(createTask(cloud, { name })).resolves.toMatchObject({ name })
  })

  test(`tombstone_ttl says how long a task's name stays taken (${BETA}.Queue)`, async () => {
    const queue = newQueue()
    await cloud.beta.createQueue({ parent: LOCATION, queue: { name: queue, tombstoneTtl: seconds(7_200) } })
    await cloud.client.pauseQueue({ name: queue })
    await createTask(cloud, { name: `${queue}/tasks/a` }, queue)
    await cloud.client.deleteTask({ name: `${queue}/tasks/a` })
    await cloud.clock.advance(7_199_999)
    await expect(createTask(cloud, { name: `${queue}/tasks/a` }, queue)).rejects.toMatchObject({ code: ALREADY_EXISTS })
    await cloud.clock.advance(1)
    await expect(createTask(cloud, { name: `${queue}/tasks/a` }, queue)).resolves.toMatchObject({ view: 'BASIC' })
  })
})
