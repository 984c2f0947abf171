import { randomUUID } from 'node:crypto'
import type { Demand } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Operation, OperationSource, PackAny, PackedAny } from '../../kernel/operations.ts'
import type { Lane } from './lane.ts'
import { MAX_BATCH_CREATE, MAX_BATCH_DELETE, OPERATION_RETENTION_MS } from './limits.ts'
import { locationOf, parseTaskName } from './names.ts'
import { operationNeeds } from './permissions.ts'
import type { Queues } from './queues.ts'
import type { TaskStore } from './store.ts'
import { newTaskToWire } from './task-wire.ts'
import type { CreatedTask, Tasks } from './tasks.ts'
import { timestampOfMicros } from '../../kernel/proto-time.ts'
import type { BatchCreateRequest, BatchDeleteRequest } from './wire.ts'

type Failures = Record<number, { code: number; message: string }>

const VERSION = 'google.cloud.tasks.v2beta3'
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
/** google.rpc.Code.ABORTED, set on an operation whose requests all failed. */
const ABORTED = 10

/**
 * BatchCreateTasks and BatchDeleteTasks: not atomic; each task fails separately, and the operation's metadata has the
 * failures by index
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.CloudTasks).
 * Their operations are done in the first response. The same `request_id` again gets the same operation and has no
 * effect.
 */
export class Batches implements OperationSource {
  readonly #store: TaskStore
  readonly #queues: Queues
  readonly #tasks: Tasks
  readonly #clock: Clock
  readonly #pack: PackAny

  constructor(options: { store: TaskStore; queues: Queues; tasks: Tasks; clock: Clock; pack: PackAny }) {
    this.#store = options.store
    this.#queues = options.queues
    this.#tasks = options.tasks
    this.#clock = options.clock
    this.#pack = options.pack
  }

  needs(name: string): readonly Demand[] {
    return operationNeeds(name)
  }

  create(batch: BatchCreateRequest): Operation {
    const lane = this.#queues.lane(batch.parent)
    checkSize(batch.requests.length, MAX_BATCH_CREATE, 'requests')
    for (const { parent } of batch.requests) {
      if (parent === batch.parent) continue
      const message = `The parent of each request must be the batch's parent ${batch.parent}, not '${parent}'.`
      throw new GoogleError('INVALID_ARGUMENT', message)
    }
    return this.#once(lane, 'BatchCreateTasks', batch.requestId, (startUs) => {
      const created: CreatedTask[] = []
      const wire: object[] = []
      const failures = collectFailures(batch.requests, (request) => {
        const one = this.#tasks.insert(lane, request)
        created.push(one)
        wire.push(newTaskToWire(lane.queue.name, one.task, request.responseView))
      })
      return {
        operation: {
          metadata: this.#metadata('BatchCreateTasksMetadata', startUs, failures),
          ...this.#result('BatchCreateTasks', failures, batch.requests.length, () =>
            this.#pack(`${VERSION}.BatchCreateTasksResponse`, { tasks: wire }),
          ),
        },
        afterwards: () => this.#tasks.announce(created),
      }
    })
  }

  delete(batch: BatchDeleteRequest): Operation {
    const lane = this.#queues.lane(batch.parent)
    checkSize(batch.names.length, MAX_BATCH_DELETE, 'names')
    return this.#once(lane, 'BatchDeleteTasks', batch.requestId, (startUs) => {
      const removed: { lane: Lane; seq: number }[] = []
      const failures = collectFailures(batch.names, (name) => {
        const { queueName, taskId } = parseTaskName(name)
        if (queueName !== batch.parent) {
          throw new GoogleError('INVALID_ARGUMENT', `Task ${name} is not in the queue ${batch.parent}.`)
        }
        const found = this.#tasks.find(lane, taskId)
        this.#tasks.remove(found)
        removed.push(found)
      })
      return {
        operation: {
          metadata: this.#metadata('BatchDeleteTasksMetadata', startUs, failures),
          ...this.#result('BatchDeleteTasks', failures, batch.names.length, () =>
            this.#pack('google.protobuf.Empty', {}),
          ),
        },
        afterwards: () => this.#tasks.forget(removed),
      }
    })
  }

  owns(name: string): boolean {
    return this.get(name) !== undefined
  }

  get(name: string): Operation | undefined {
    return this.#store.findOperation(name, this.#clock.now())?.operation
  }

  /** Runs a batch in one transaction together with the record of it, unless its request id was seen before. */
  #once(
    lane: Lane,
    method: string,
    requestId: string,
    work: (startUs: number) => { operation: Omit<Operation, 'name' | 'done'>; afterwards: () => void },
  ): Operation {
    if (requestId !== '' && !UUID4.test(requestId)) {
      throw new GoogleError('INVALID_ARGUMENT', `request_id must be a version 4 UUID, not '${requestId}'.`)
    }
    const nowMs = this.#clock.now()
    const name = `${locationOf(lane.queue.name)}/operations/${requestId || randomUUID()}`
    const subject = `${method} ${lane.queue.name}`
    const earlier = requestId === '' ? undefined : this.#store.findOperation(name, nowMs)
    if (earlier) {
      if (earlier.subject === subject) return earlier.operation
      throw new GoogleError('INVALID_ARGUMENT', `request_id ${requestId} was used before, by ${earlier.subject}.`)
    }
    const { operation, afterwards } = this.#store.atomically(() => {
      const done = work(nowMs * 1_000)
      const complete: Operation = { name, done: true, ...done.operation }
      this.#store.insertOperation({ subject, operation: complete }, nowMs + OPERATION_RETENTION_MS)
      return { operation: complete, afterwards: done.afterwards }
    })
    afterwards()
    return operation
  }

  #metadata(type: string, startUs: number, failures: Failures): PackedAny {
    return this.#pack(`${VERSION}.${type}`, {
      startTime: timestampOfMicros(startUs),
      endTime: timestampOfMicros(this.#clock.now() * 1_000),
      state: Object.keys(failures).length === 0 ? 'SUCCEEDED' : 'PARTIALLY_SUCCEEDED',
      failedRequests: failures,
    })
  }

  /**
   * "When all requests in the batch fail, Operation.error will be set with code = ABORTED"
   * (BatchDeleteTasksMetadata.State; BatchCreateTasks is not documented and assumed to do the same).
   */
  #result(
    method: string,
    failures: Failures,
    total: number,
    response: () => PackedAny,
  ): Pick<Operation, 'error' | 'response'> {
    if (Object.keys(failures).length < total) return { response: response() }
    const details = `refer to ${method}Metadata.failed_requests for individual error details`
    return { error: { code: ABORTED, message: `None of the requests succeeded, ${details}` } }
  }
}

function collectFailures<Item>(items: readonly Item[], work: (item: Item) => void): Failures {
  const failures: Failures = {}
  for (const [index, item] of items.entries()) {
    try {
      work(item)
    } catch (error) {
      // Anything else is a bug of the local cloud: the whole batch is rolled back.
      if (!(error instanceof GoogleError)) throw error
      failures[index] = { code: error.grpc, message: error.message }
    }
  }
  return failures
}

function checkSize(size: number, most: number, field: string): void {
  if (size === 0) throw new GoogleError('INVALID_ARGUMENT', `At least one entry in ${field} is required.`)
  if (size > most) throw new GoogleError('INVALID_ARGUMENT', `The maximum number of ${field} is ${most}, not ${size}.`)
}
