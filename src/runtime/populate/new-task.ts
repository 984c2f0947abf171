import { createHash } from 'node:crypto'
import {
  asset as assetSchema,
  MAX_TASK_BYTES,
  type Asset,
  type ShardMessage,
  type TaskPayload,
} from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { NewTask } from '../../google/tasks.ts'
import { dispatchDeadlineSeconds } from '../deadlines.ts'
import { describeFaults } from '../http-service.ts'

/** For the task's name, URL, headers and token settings, which count too (https://cloud.google.com/tasks/docs/quotas). */
const TASK_OVERHEAD_BYTES = 2 * 1024

/** Where tasks go, and as whom Cloud Tasks calls. */
export interface TaskTarget {
  /** The main service's URL without a slash at its end; also the audience of the tokens. */
  mainUrl: string
  invoker: string
}

/**
 * The name's last part of a unit's task. A hash, since task names in sequence make hot spots, and
 * the same for each delivery of a shard, so that Cloud Tasks refuses a second one
 * (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
 */
export function taskId(unitId: string, generation: number): string {
  return createHash('sha256').update(`${unitId}\n${generation}`).digest('hex').slice(0, 32)
}

export function taskPayloadOf(asset: Asset, shard: ShardMessage): TaskPayload {
  const { run_id, generation, overrides } = shard
  return { v: 1, run_id, ...asset, generation, ...(overrides ? { overrides } : {}) }
}

/** An asset's task, or why it can never be one: the main service would refuse it, or Cloud Tasks would. */
export function newTask(
  asset: Asset,
  shard: ShardMessage,
  spec: RunSpec,
  target: TaskTarget,
): { task: NewTask } | { unfit: string } {
  const checked = assetSchema.safeParse(asset)
  if (!checked.success) return { unfit: `the table's row is not usable: ${describeFaults(checked.error)}` }
  const body = Buffer.from(JSON.stringify(taskPayloadOf(asset, shard)))
  if (body.length > MAX_TASK_BYTES - TASK_OVERHEAD_BYTES) {
    const count = asset.observations.length
    return {
      unfit: `the list of its ${count} images takes ${body.length} bytes; a task holds ${MAX_TASK_BYTES - TASK_OVERHEAD_BYTES}: use fewer images per unit (--images-per-unit)`,
    }
  }
  return {
    task: {
      id: taskId(asset.unit_id, shard.generation),
      url: `${target.mainUrl}/process`,
      body,
      audience: target.mainUrl,
      serviceAccountEmail: target.invoker,
      dispatchDeadlineSeconds: dispatchDeadlineSeconds(spec.limits),
    },
  }
}
