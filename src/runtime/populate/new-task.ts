import { createHash } from 'node:crypto'
import {
  asset as assetSchema,
  LARGEST_TASK_BYTES,
  type Asset,
  type ShardMessage,
  type TaskPayload,
} from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { NewTask } from '../../google/tasks.ts'
import { dispatchDeadlineSeconds } from '../deadlines.ts'
import { describeFaults } from '../http-service.ts'

/**
 * Reserved for the task's name, URL, headers and token settings, which count too
 * (https://cloud.google.com/tasks/docs/quotas).
 */
const TASK_OVERHEAD_BYTES = 2 * 1024

const MOST_BODY_BYTES = LARGEST_TASK_BYTES - TASK_OVERHEAD_BYTES

/** The target of tasks, and the account that Cloud Tasks uses to call it. */
export interface TaskTarget {
  /** The main service's URL without a trailing slash; also the audience of the tokens. */
  mainUrl: string
  invoker: string
}

/**
 * Returns the last part of the name of a unit's task. It is a hash, because sequential task names create
 * hot spots. It is the same for each delivery of a shard, so that Cloud Tasks refuses a second task
 * (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
 */
export function taskId(unitId: string, generation: number): string {
  return createHash('sha256').update(`${unitId}\n${generation}`).digest('hex').slice(0, 32)
}

export function taskPayloadOf(asset: Asset, shard: ShardMessage): TaskPayload {
  const { run_id, generation, overrides } = shard
  return { v: 1, run_id, ...asset, generation, ...(overrides ? { overrides } : {}) }
}

/** Returns an asset's task, or why there can be none: the main service or Cloud Tasks would refuse it. */
export function newTask(
  asset: Asset,
  shard: ShardMessage,
  spec: RunSpec,
  target: TaskTarget,
): { task: NewTask } | { unfit: string } {
  const checked = assetSchema.safeParse(asset)
  if (!checked.success) return { unfit: `the row of the snapshot is not valid: ${describeFaults(checked.error)}` }
  const body = Buffer.from(JSON.stringify(taskPayloadOf(asset, shard)))
  if (body.length > MOST_BODY_BYTES) return { unfit: tooLong(asset.observations.length, body.length) }
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

function tooLong(images: number, bytes: number): string {
  const addresses = images === 1 ? '1 image address' : `${images} image addresses`
  return `a task with its ${addresses} would have ${bytes} bytes, but Cloud Tasks accepts at most ${MOST_BODY_BYTES}; use fewer images per unit (--images-per-unit) or shorter addresses`
}
