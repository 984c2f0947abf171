import type { FieldMask } from '../../kernel/field-mask.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Lane } from './lane.ts'
import { MAX_QUEUES_PAGE, MAX_QUEUES_PER_LOCATION, QUEUE_TOMBSTONE_MS } from './limits.ts'
import type { Queue } from './resources.ts'
import { checkLocation, checkNewQueueName, checkQueueName, locationOf } from './names.ts'
import { pageSize, pageStart } from './paging.ts'
import { configFromWire, updatedConfig } from './queue-config.ts'
import type { TaskStore } from './store.ts'
import type { ApiVersion, WireQueue } from './wire.ts'
import { encodePageToken } from '../../kernel/page-token.ts'

/** Operations on queues by name, with Google's errors. */
export class Queues {
  readonly #store: TaskStore
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #onChange: () => void

  /** @param onChange called after storing something that expires */
  constructor(options: { store: TaskStore; dispatcher: Dispatcher; clock: Clock; onChange: () => void }) {
    this.#store = options.store
    this.#dispatcher = options.dispatcher
    this.#clock = options.clock
    this.#onChange = options.onChange
  }

  /** The lane of a queue that must exist. */
  lane(name: string): Lane {
    const lane = this.#dispatcher.lane(checkQueueName(name))
    if (!lane) throw queueNotFound()
    return lane
  }

  /** Queues of a location "in lexicographical order". */
  list(request: { parent: string; filter: string; pageSize: number; pageToken: string }): {
    lanes: Lane[]
    nextPageToken: string
  } {
    const prefix = `${checkLocation(request.parent)}/queues/`
    if (request.filter !== '') throw notEmulated('ListQueuesRequest.filter')
    const after = pageStart(request.pageToken)
    const lanes = [...this.#dispatcher.lanes()]
      .filter(({ queue }) => queue.name.startsWith(prefix) && queue.name > after)
      .toSorted((a, b) => (a.queue.name < b.queue.name ? -1 : 1))
    const page = lanes.slice(0, pageSize(request.pageSize, MAX_QUEUES_PAGE))
    const last = page.at(-1)
    return { lanes: page, nextPageToken: last && page.length < lanes.length ? encodePageToken(last.queue.name) : '' }
  }

  create(parent: string, wire: WireQueue | null, version: ApiVersion): Queue {
    checkLocation(parent)
    if (!wire) throw new GoogleError('INVALID_ARGUMENT', 'Queue is required.')
    return this.#create(checkNewQueueName(wire.name, parent), wire, version)
  }

  /** "This method creates the queue if it does not exist and updates the queue if it does exist." */
  update(wire: WireQueue | null, mask: FieldMask | null, version: ApiVersion): Queue {
    if (!wire) throw new GoogleError('INVALID_ARGUMENT', 'Queue is required.')
    const name = checkNewQueueName(wire.name)
    const lane = this.#dispatcher.lane(name)
    if (!lane) return this.#create(name, wire, version)
    return this.#change(lane, { config: updatedConfig(lane.queue.config, wire, mask, version) })
  }

  /** "This command will delete the queue even if it has tasks in it." */
  delete(name: string): void {
    const lane = this.#dispatcher.lane(checkQueueName(name))
    if (!lane) throw new GoogleError('NOT_FOUND', 'Requested entity was not found.')
    const untilMs = this.#clock.now() + QUEUE_TOMBSTONE_MS
    this.#store.atomically(() => this.#store.deleteQueue(lane.queue, untilMs))
    this.#dispatcher.close(lane)
    this.#onChange()
  }

  pause(name: string): Queue {
    return this.#change(this.lane(name), { isPaused: true })
  }

  resume(name: string): Queue {
    return this.#change(this.lane(name), { isPaused: false })
  }

  /** "All tasks created before this method is called are permanently deleted." */
  purge(name: string): Queue {
    const lane = this.lane(name)
    const nowMs = this.#clock.now()
    const purged = { ...lane.queue, purgeUs: nowMs * 1_000 }
    this.#store.atomically(() => {
      this.#store.purge(lane.queue.id, nowMs + lane.queue.config.tombstoneTtlMs)
      this.#store.updateQueue(purged)
    })
    lane.window.clear()
    lane.tasksCount = 0
    lane.queue = purged
    this.#onChange()
    return purged
  }

  #create(name: string, wire: WireQueue, version: ApiVersion): Queue {
    const config = configFromWire(wire, version)
    if (this.#dispatcher.lane(name)) throw new GoogleError('ALREADY_EXISTS', 'Queue already exists')
    if (this.#store.hasQueueTombstone(name, this.#clock.now())) {
      throw new GoogleError(
        'FAILED_PRECONDITION',
        'The queue cannot be created because a queue with this name existed too recently.',
      )
    }
    const location = locationOf(name)
    const siblings = [...this.#dispatcher.lanes()].filter(({ queue }) => queue.name.startsWith(`${location}/`))
    if (siblings.length >= MAX_QUEUES_PER_LOCATION) {
      throw new GoogleError(
        'RESOURCE_EXHAUSTED',
        `${location} has ${MAX_QUEUES_PER_LOCATION} queues, the most allowed.`,
      )
    }
    const queue = this.#store.insertQueue(name, config)
    this.#dispatcher.open(queue)
    return queue
  }

  #change(lane: Lane, change: Partial<Queue>): Queue {
    const queue = { ...lane.queue, ...change }
    this.#store.updateQueue(queue)
    lane.reconfigure(queue)
    return queue
  }
}

/** Google uses the same message for a queue that never existed and a deleted one. */
function queueNotFound(): GoogleError {
  return new GoogleError(
    'NOT_FOUND',
    'Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.',
  )
}
