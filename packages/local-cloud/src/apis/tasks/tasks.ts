import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Lane } from './lane.ts'
import { MAX_TASKS_PAGE } from './limits.ts'
import type { NewTask, Task } from './resources.ts'
import { parseTaskName } from './names.ts'
import { pageSize, pageStart } from './paging.ts'
import type { Queues } from './queues.ts'
import type { TaskStore } from './store.ts'
import { checkNewTask } from './task-request.ts'
import type { CreateTaskRequest, TaskView } from './wire.ts'
import { encodePageToken } from '../../kernel/page-token.ts'

/** A stored task, and the lane of its queue. */
export interface CreatedTask {
  lane: Lane
  task: NewTask
  seq: number
}

/** Operations on tasks by name, with Google's errors. */
export class Tasks {
  readonly #store: TaskStore
  readonly #dispatcher: Dispatcher
  readonly #queues: Queues
  readonly #clock: Clock
  readonly #onChange: () => void

  /** @param onChange called after storing something that expires */
  constructor(options: {
    store: TaskStore
    dispatcher: Dispatcher
    queues: Queues
    clock: Clock
    onChange: () => void
  }) {
    this.#store = options.store
    this.#dispatcher = options.dispatcher
    this.#queues = options.queues
    this.#clock = options.clock
    this.#onChange = options.onChange
  }

  create(request: Pick<CreateTaskRequest, 'parent' | 'task'>): NewTask {
    const lane = this.#queues.lane(request.parent)
    const created = this.#store.atomically(() => this.insert(lane, request))
    this.announce([created])
    return created.task
  }

  /** Checks and stores one task; part of a transaction, after which `announce` must follow. */
  insert(lane: Lane, request: Pick<CreateTaskRequest, 'task'>): CreatedTask {
    const nowMs = this.#clock.now()
    const { queue } = lane
    const task = checkNewTask(request.task, queue.name, nowMs)
    if (task.isNamed && this.#store.hasTaskTombstone(queue.id, task.id, nowMs)) {
      throw new GoogleError(
        'ALREADY_EXISTS',
        'The task cannot be created because a task with this name existed too recently. For more information about ' +
          'task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create#body.request_body.FIELDS.task.',
      )
    }
    const seq = this.#store.insertTask(queue.id, task)
    if (seq === undefined) throw new GoogleError('ALREADY_EXISTS', 'Requested entity already exists')
    return { lane, task, seq }
  }

  /** Notifies the lanes of newly stored tasks. */
  announce(created: readonly CreatedTask[]): void {
    for (const { lane, task, seq } of created) {
      lane.tasksCount += 1
      lane.offer({ seq, scheduleUs: task.scheduleUs })
      lane.wake()
    }
    this.#onChange()
  }

  get(name: string, view: TaskView): { queueName: string; task: Task } {
    const { queueName, taskId } = parseTaskName(name)
    const { queue } = this.#queues.lane(queueName)
    const task = this.#store.findTask(queue.id, taskId, view === 'FULL')
    if (task) return { queueName, task }
    if (this.#store.hasTaskTombstone(queue.id, taskId, this.#clock.now())) {
      throw new GoogleError(
        'NOT_FOUND',
        'The task no longer exists, though a task with this name existed recently. The task either successfully completed or was deleted.',
      )
    }
    throw taskNotFound()
  }

  list(request: { parent: string; responseView: TaskView; pageSize: number; pageToken: string }): {
    tasks: Task[]
    nextPageToken: string
  } {
    const { queue } = this.#queues.lane(request.parent)
    const size = pageSize(request.pageSize, MAX_TASKS_PAGE)
    const after = pageStart(request.pageToken)
    const tasks = this.#store.listTasks(queue.id, after, size + 1, request.responseView === 'FULL')
    const page = tasks.slice(0, size)
    const last = page.at(-1)
    return { tasks: page, nextPageToken: last && tasks.length > size ? encodePageToken(last.id) : '' }
  }

  delete(name: string): void {
    const found = this.#find(name)
    this.#store.atomically(() => this.remove(found))
    this.forget([found])
  }

  /** Deletes one task from the store; part of a transaction, after which `forget` must follow. */
  remove({ lane, seq }: { lane: Lane; seq: number }): void {
    this.#store.deleteTask(seq, this.#clock.now() + lane.queue.config.tombstoneTtlMs)
  }

  /** Notifies the lanes of deleted tasks. */
  forget(removed: readonly { lane: Lane; seq: number }[]): void {
    for (const { lane, seq } of removed) {
      lane.tasksCount -= 1
      lane.window.remove(seq)
    }
    this.#onChange()
  }

  /** The task, just after its dispatch: "before the task is received by its target". */
  run(name: string, view: TaskView): { queueName: string; task: Task } {
    const { lane, seq } = this.#find(name)
    if (!this.#dispatcher.force(lane, seq)) throw taskNotFound()
    return this.get(name, view)
  }

  find(lane: Lane, taskId: string): { lane: Lane; seq: number } {
    const task = this.#store.findTask(lane.queue.id, taskId, false)
    if (!task) throw taskNotFound()
    return { lane, seq: task.seq }
  }

  #find(name: string): { lane: Lane; seq: number } {
    const { queueName, taskId } = parseTaskName(name)
    return this.find(this.#queues.lane(queueName), taskId)
  }
}

function taskNotFound(): GoogleError {
  return new GoogleError('NOT_FOUND', 'Requested entity was not found.')
}
