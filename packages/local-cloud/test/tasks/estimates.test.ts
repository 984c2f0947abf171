import { afterEach, beforeEach, expect, test } from 'vitest'
import { QUEUE, TasksCloud } from './tasks-fixture.ts'

let cloud: TasksCloud
beforeEach(async () => {
  cloud = new TasksCloud('gRPC', { statsAgeMs: 60_000 })
  await cloud.start()
})
afterEach(() => cloud.destroy())

/** https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#queuestats */
test('the number of tasks is an estimate that can be old: a new queue seems empty, while ListTasks has its tasks', async () => {
  await cloud.createQueue()
  await cloud.client.pauseQueue({ name: QUEUE })
  await cloud.createTask({ id: 'a' })
  await cloud.clock.advance(59_000)
  expect(await cloud.stats()).toMatchObject({ tasksCount: '0', oldestEstimatedArrivalTime: null })
  const [tasks] = await cloud.client.listTasks({ parent: QUEUE })
  expect(tasks.map(({ name }) => name)).toEqual([`${QUEUE}/tasks/a`])
  await cloud.clock.advance(1_000)
  expect(await cloud.stats()).toMatchObject({ tasksCount: '1' })
  await cloud.client.deleteTask({ name: `${QUEUE}/tasks/a` })
  expect(await cloud.stats()).toMatchObject({ tasksCount: '1' })
})

test('the number of tasks in progress is exact', async () => {
  await cloud.createQueue()
  cloud.answer = () => new Promise(() => {})
  await cloud.createTask()
  await cloud.settle()
  expect(await cloud.stats()).toMatchObject({ tasksCount: '0', concurrentDispatchesCount: '1' })
})
