import type { FieldMask } from '../../kernel/field-mask.ts'
import type { GrpcFace } from '../../kernel/api.ts'
import type { Batches } from './batches.ts'
import { maskedQueue, queueToWire } from './queue-wire.ts'
import type { Queues } from './queues.ts'
import { newTaskToWire, taskToWire } from './task-wire.ts'
import type { Tasks } from './tasks.ts'
import type {
  ApiVersion,
  BatchCreateRequest,
  BatchDeleteRequest,
  CreateTaskRequest,
  TaskView,
  WireQueue,
} from './wire.ts'

interface Named {
  name: string
  responseView: TaskView
}

interface Paged {
  parent: string
  pageSize: number
  pageToken: string
}

type Handlers = GrpcFace['services'][string]

/** The methods of google.cloud.tasks.v2.CloudTasks and google.cloud.tasks.v2beta3.CloudTasks. */
export function taskServices(parts: { queues: Queues; tasks: Tasks; batches: Batches }): GrpcFace['services'] {
  const { batches } = parts
  return {
    'google.cloud.tasks.v2.CloudTasks': commonMethods(parts, 'v2'),
    'google.cloud.tasks.v2beta3.CloudTasks': {
      ...commonMethods(parts, 'v2beta3'),
      BatchCreateTasks: (request: BatchCreateRequest) => batches.create(request),
      BatchDeleteTasks: (request: BatchDeleteRequest) => batches.delete(request),
    },
  }
}

function commonMethods({ queues, tasks }: { queues: Queues; tasks: Tasks }, version: ApiVersion): Handlers {
  return {
    ListQueues(request: Paged & { filter: string; readMask?: FieldMask | null }) {
      const { lanes, nextPageToken } = queues.list(request)
      const mask = request.readMask ?? null
      return { queues: lanes.map((lane) => maskedQueue(lane.queue, mask, () => lane.stats())), nextPageToken }
    },
    GetQueue(request: Named & { readMask?: FieldMask | null }) {
      const lane = queues.lane(request.name)
      return maskedQueue(lane.queue, request.readMask ?? null, () => lane.stats())
    },
    CreateQueue: (request: { parent: string; queue: WireQueue | null }) =>
      queueToWire(queues.create(request.parent, request.queue, version)),
    UpdateQueue: (request: { queue: WireQueue | null; updateMask: FieldMask | null }) =>
      queueToWire(queues.update(request.queue, request.updateMask, version)),
    DeleteQueue: (request: Named) => queues.delete(request.name),
    PurgeQueue: (request: Named) => queueToWire(queues.purge(request.name)),
    PauseQueue: (request: Named) => queueToWire(queues.pause(request.name)),
    ResumeQueue: (request: Named) => queueToWire(queues.resume(request.name)),
    ListTasks(request: Paged & { responseView: TaskView }) {
      const { tasks: page, nextPageToken } = tasks.list(request)
      return { tasks: page.map((task) => taskToWire(request.parent, task, request.responseView)), nextPageToken }
    },
    GetTask(request: Named) {
      const { queueName, task } = tasks.get(request.name, request.responseView)
      return taskToWire(queueName, task, request.responseView)
    },
    CreateTask: (request: CreateTaskRequest) =>
      newTaskToWire(request.parent, tasks.create(request), request.responseView),
    DeleteTask: (request: Named) => tasks.delete(request.name),
    RunTask(request: Named) {
      const { queueName, task } = tasks.run(request.name, request.responseView)
      return taskToWire(queueName, task, request.responseView)
    },
  }
}
