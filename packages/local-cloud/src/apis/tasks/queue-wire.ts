import { pathNames, type FieldMask } from '../../kernel/field-mask.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { LaneStats } from './lane.ts'
import type { Queue } from './resources.ts'
import { configToWire } from './queue-config.ts'
import { timestampOfMicros } from '../../kernel/proto-time.ts'

/** A queue in the wire form of both API versions: fields that v2 does not have are omitted. */
export function queueToWire(queue: Queue): Record<string, unknown> {
  return {
    name: queue.name,
    ...configToWire(queue.config),
    state: queue.isPaused ? 'PAUSED' : 'RUNNING',
    purgeTime: queue.purgeUs === null ? null : timestampOfMicros(queue.purgeUs),
    type: 'PUSH',
  }
}

/**
 * Returns the fields of a queue in `mask`; its statistics only when the mask names them
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2beta3#google.cloud.tasks.v2beta3.GetQueueRequest).
 */
export function maskedQueue(queue: Queue, mask: FieldMask | null, stats: () => LaneStats): Record<string, unknown> {
  const full = queueToWire(queue)
  const paths = mask?.paths ?? []
  if (paths.length === 0) return full
  if (paths.some((path) => path === 'stats' || path.startsWith('stats.'))) full['stats'] = statsToWire(stats())
  const picked: Record<string, unknown> = {}
  for (const path of paths) pick(picked, full, path)
  return picked
}

function statsToWire(stats: LaneStats): object {
  return {
    tasksCount: stats.tasksCount,
    oldestEstimatedArrivalTime: stats.nextScheduleUs === null ? null : timestampOfMicros(stats.nextScheduleUs),
    executedLastMinuteCount: stats.executedLastMinute,
    concurrentDispatchesCount: stats.inFlight,
    effectiveExecutionRate: stats.effectivePerSecond,
  }
}

/** Fields of Queue that this emulator never sets, but that a mask can contain. */
const NEVER_SET = new Set(['appEngineHttpQueue', 'httpTarget'])

function pick(target: Record<string, unknown>, source: Record<string, unknown>, path: string): void {
  const [key = '', part, ...rest] = pathNames(path)
  if (NEVER_SET.has(key)) return
  const value = source[key]
  if (!(key in source) || rest.length > 0) throw new GoogleError('INVALID_ARGUMENT', `Invalid field mask path: ${path}`)
  if (part === undefined || value === null) {
    target[key] = value
    return
  }
  const parts = value as Record<string, unknown>
  if (typeof value !== 'object' || !(part in parts)) {
    throw new GoogleError('INVALID_ARGUMENT', `Invalid field mask path: ${path}`)
  }
  target[key] = { ...(target[key] as object | undefined), [part]: parts[part] }
}
