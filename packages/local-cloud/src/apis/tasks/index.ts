import type { Deliver, DispatchingApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { clientProtos } from '../../kernel/grpc-server.ts'
import { anyPacker, type OperationSource } from '../../kernel/operations.ts'
import { Batches } from './batches.ts'
import { Dispatcher } from './dispatcher.ts'
import { taskServices } from './handlers.ts'
import { HTTP_RULES } from './http-rules.ts'
import { taskNeeds } from './permissions.ts'
import { Queues } from './queues.ts'
import { Retention } from './retention.ts'
import { TaskStore } from './store.ts'
import { Tasks } from './tasks.ts'

export { TASKS_LOCATIONS } from './locations.ts'

/** The local Cloud Tasks, with its part of the google.longrunning.Operations service. */
export interface CloudTasksApi extends DispatchingApi {
  operations: OperationSource
}

/**
 * Cloud Tasks, v2 and v2beta3 (https://cloud.google.com/tasks/docs/reference/rpc), stored in
 * `directory`. Tasks are dispatched after `start`; calls work before that too.
 */
export async function cloudTasksApi(options: {
  directory: string
  clock: Clock
  deliver: Deliver
  /** How old the estimates in a queue's statistics can be. Default: 0. */
  statsAgeMs?: number
}): Promise<CloudTasksApi> {
  const { clock } = options
  const store = new TaskStore(options.directory)
  const protos = clientProtos('@google-cloud/tasks')
  const dispatcher = new Dispatcher({ store, clock, deliver: options.deliver, statsAgeMs: options.statsAgeMs ?? 0 })
  for (const queue of store.queues()) dispatcher.open(queue)
  const retention = new Retention({ store, dispatcher, clock })
  const onChange = (): void => retention.watch()
  const queues = new Queues({ store, dispatcher, clock, onChange })
  const tasks = new Tasks({ store, dispatcher, queues, clock, onChange })
  const batches = new Batches({ store, queues, tasks, clock, pack: anyPacker(protos) })
  return {
    name: 'cloudtasks',
    grpc: { protos, services: taskServices({ queues, tasks, batches }), needs: taskNeeds(), httpRules: HTTP_RULES },
    operations: batches,
    async start() {
      if (retention.sweep()) retention.watch()
      dispatcher.start()
    },
    hold: () => dispatcher.hold(),
    release: () => dispatcher.release(),
    async stop() {
      try {
        dispatcher.stop()
      } finally {
        retention.stop()
        store.close()
      }
    },
    async describe() {
      const lanes = [...dispatcher.lanes()]
      return { queues: lanes.length, tasks: lanes.reduce((sum, lane) => sum + lane.tasksCount, 0) }
    },
  }
}
