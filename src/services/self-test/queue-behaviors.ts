import { callApi } from '../../google/rest/rest.ts'
import {
  asExpected,
  different,
  expectStatus,
  statusOf,
  waitUntil,
  type Behavior,
  type ProbeContext,
} from './behavior.ts'

const parentOf = ({ target }: ProbeContext): string =>
  `projects/${target.place.projectId}/locations/${target.place.region}`

/** Creates a paused queue for some work, and deletes it afterwards. Its tasks are never sent. */
async function withQueue<Result>(
  context: ProbeContext,
  suffix: string,
  work: (queue: string) => Promise<Result>,
): Promise<Result> {
  const name = `${parentOf(context)}/queues/imagery-${context.id}-${suffix}`
  await callApi('cloudtasks', `v2/${parentOf(context)}/queues`, { body: { name } })
  try {
    await callApi('cloudtasks', `v2/${name}:pause`, { method: 'POST', body: {} })
    return await work(name)
  } finally {
    await statusOf(callApi('cloudtasks', `v2/${name}`, { method: 'DELETE' }))
  }
}

function createTask(context: ProbeContext, queue: string, id: string): Promise<unknown> {
  const task = { name: `${queue}/tasks/${id}`, httpRequest: { url: `${context.deployment.mainUrl}/` } }
  return callApi('cloudtasks', `v2/${queue}/tasks`, { body: { task } })
}

const duplicateTask: Behavior = {
  id: 'tasks.duplicate_name',
  title: 'Cloud Tasks refuses a second task with the same name',
  observe: (context) =>
    withQueue(context, 'twice', async (queue) => {
      await createTask(context, queue, 'same')
      return expectStatus(createTask(context, queue, 'same'), 'the second task', 'ALREADY_EXISTS')
    }),
}

const deletedTask: Behavior = {
  id: 'tasks.deleted_name',
  title: 'Cloud Tasks refuses the name of a task that was just deleted',
  observe: (context) =>
    withQueue(context, 'again', async (queue) => {
      await createTask(context, queue, 'gone')
      await callApi('cloudtasks', `v2/${queue}/tasks/gone`, { method: 'DELETE' })
      return expectStatus(createTask(context, queue, 'gone'), 'the task created again', 'ALREADY_EXISTS')
    }),
}

const deletedQueue: Behavior = {
  id: 'tasks.deleted_queue',
  title: 'Cloud Tasks refuses the name of a queue that was just deleted',
  async observe(context) {
    await withQueue(context, 'old', () => Promise.resolve())
    const name = `${parentOf(context)}/queues/imagery-${context.id}-old`
    const again = callApi('cloudtasks', `v2/${parentOf(context)}/queues`, { body: { name } })
    const observation = await expectStatus(again, 'the queue created again', 'FAILED_PRECONDITION')
    await statusOf(callApi('cloudtasks', `v2/${name}`, { method: 'DELETE' }))
    return observation
  },
}

/** Number of tasks whose count is compared. */
const COUNTED_TASKS = 5

const taskCount: Behavior = {
  id: 'tasks.count',
  title: 'The task count of a queue arrives at the number of its tasks',
  observe: (context) =>
    withQueue(context, 'count', async (queue) => {
      for (let index = 0; index < COUNTED_TASKS; index += 1) await createTask(context, queue, `task-${index}`)
      const counts: number[] = []
      const arrived = await waitUntil(
        async () => {
          const { stats } = await callApi<{ stats?: { tasksCount?: string } }>('cloudtasks', `v2beta3/${queue}`, {
            query: { readMask: 'stats' },
          })
          const count = Number(stats?.tasksCount ?? 0)
          counts.push(count)
          return count === COUNTED_TASKS ? count : undefined
        },
        { timeoutMs: 120_000, pauseMs: 2_000, signal: context.signal },
      )
      const seen = `${COUNTED_TASKS} tasks were counted as ${[...new Set(counts)].join(', then ')}`
      return arrived ? asExpected(`${seen}, after ${arrived.seconds} s`) : different(`${seen}, for two minutes`)
    }),
}

const listedTask: Behavior = {
  id: 'tasks.list',
  title: 'ListTasks shows a task at once',
  observe: (context) =>
    withQueue(context, 'list', async (queue) => {
      await createTask(context, queue, 'listed')
      const { tasks = [] } = await callApi<{ tasks?: object[] }>('cloudtasks', `v2/${queue}/tasks`, {
        query: { pageSize: '1' },
      })
      return tasks.length === 1 ? asExpected('1 task was listed') : different(`${tasks.length} tasks were listed`)
    }),
}

const queueRegion: Behavior = {
  id: 'tasks.region',
  title: "Cloud Tasks' list of locations has the region of the deployment",
  async observe(context) {
    const { projectId, region } = context.target.place
    const { locations = [] } = await callApi<{ locations?: { locationId?: string }[] }>(
      'cloudtasks',
      `v2/projects/${projectId}/locations`,
      { query: { pageSize: '500' } },
    )
    const ids = locations.map(({ locationId }) => locationId)
    const seen = `${ids.length} locations`
    return ids.includes(region) ? asExpected(seen) : different(`${seen}, without ${region}`)
  },
}

export const QUEUE_BEHAVIORS: readonly Behavior[] = [
  duplicateTask,
  deletedTask,
  deletedQueue,
  taskCount,
  listedTask,
  queueRegion,
]
