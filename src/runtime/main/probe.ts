import {
  MOST_PROBED,
  type Asset,
  type ProbedRetry,
  type SampledUnit,
  type TaskPayload,
} from '../../contracts/messages.ts'
import type { ProbeProblem, ProbeResult } from '../../contracts/probe.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { GeminiRefused } from '../../google/gemini.ts'
import { failureKind, isAgentComing, isImageAccessDenied } from '../models/failures.ts'
import type { AttemptFailure } from '../models/model.ts'
import { specWith } from '../run-overrides.ts'
import type { RunSpecs } from '../run-specs.ts'
import type { ProbeOutcome } from './process-task.ts'

export interface ProbeDeps {
  specs: RunSpecs
  /** The first units of a run's snapshot that have an image. */
  firstUnits: (spec: RunSpec, most: number) => Promise<readonly Asset[]>
  /** These units of a run's snapshot. */
  unitsNamed: (spec: RunSpec, units: ProbedRetry['units']) => Promise<readonly Asset[]>
}

/** A refusal that could be about one unit counts only when another unit gets it too. */
const REFUSALS_THAT_COUNT = 2

/** A probe does not wait as long as a flex answer can take. */
const LONGEST_PROBE_MS = 60_000

/** How long a probe waits while tasks of the run make calls. The command then asks again. */
const LONGEST_TURN_MS = 10_000

const RETRY_AFTER_MS = 2_000

/**
 * Sends one unit of a run the whole way before any task exists: images, model, schema, ledger row. What would
 * fail for every unit fails here once, for the price of at most one answer. An answer is the unit's row, so
 * nothing is paid twice, and a second probe finds it. Units are tried until the model answers about one: the first ones
 * can have unreadable images.
 *
 * A unit of a sample is asked about in the same way, but has the time of a task.
 *
 * Rejects with RunNotFound when the run has no spec, and with CloudError when the snapshot or the ledger does not respond.
 */
export async function probeRun(
  deps: ProbeDeps,
  probe: (task: TaskPayload, spec: RunSpec) => Promise<ProbeOutcome>,
  runId: string,
  { retry, sample }: { retry?: ProbedRetry | undefined; sample?: SampledUnit | undefined } = {},
): Promise<ProbeResult> {
  const spec = specWith(await deps.specs.get(runId), retry?.overrides)
  const { generation = 0, overrides } = retry ?? {}
  const recorded: string[] = []
  const refusals: Extract<ProbeResult, { outcome: 'refused' }>[] = []
  const named = retry?.units ?? (sample ? [sample] : undefined)
  const find = () => (named ? deps.unitsNamed(spec, named) : deps.firstUnits(spec, MOST_PROBED))
  const units = spec.gemini === null ? [] : await find()
  for (const unit of units) {
    const task = { v: 1 as const, run_id: runId, ...unit, generation, ...(overrides ? { overrides } : {}) }
    const outcome = await probe(task, sample ? spec : quickly(spec))
    if (outcome.kind === 'recorded') {
      recorded.push(unit.unit_id)
      const { status, cause, message, costUsd } = outcome
      if (cause === 'unreadable_image') continue
      return {
        outcome: 'answered',
        unit_id: unit.unit_id,
        status,
        recorded,
        ...(cause === undefined ? {} : { cause }),
        ...(message === undefined ? {} : { error_message: message }),
        ...(costUsd === undefined ? {} : { cost_usd: costUsd }),
      }
    }
    const { failure } = outcome
    if (failure.retryable) {
      return {
        outcome: 'retry',
        cause: failure.failure,
        message: failure.message,
        retry_after_ms: failure.retryAfterMs ?? RETRY_AFTER_MS,
        is_agent_coming: failure.cause instanceof GeminiRefused && isAgentComing(failure.cause.sign),
        recorded,
      }
    }
    const problem = everyUnitsProblem(failure) ?? 'request'
    const image = unit.observations[0]?.gcs_uri ?? ''
    const refusal = { outcome: 'refused', problem, message: failure.message, image, recorded } as const
    if (problem !== 'request') return refusal
    refusals.push(refusal)
    if (refusals.length === REFUSALS_THAT_COUNT) break
  }
  return refusals.at(-1) ?? { outcome: 'no_image', recorded }
}

/** Refusals come at once on every tier. An answer that takes longer is left to the unit's task. */
function quickly(spec: RunSpec): RunSpec {
  const attempt_timeout_ms = Math.min(spec.limits.attempt_timeout_ms, LONGEST_PROBE_MS)
  const turn_timeout_ms = Math.min(spec.limits.turn_timeout_ms, LONGEST_TURN_MS)
  return { ...spec, limits: { ...spec.limits, attempt_timeout_ms, turn_timeout_ms } }
}

/** Whether a failure says nothing about the unit's own images: Google refused the account, the model or the request. */
export function isRefusal({ retryable, cause }: AttemptFailure): boolean {
  if (retryable) return false
  if (cause instanceof CloudError) return cause.status === 'PERMISSION_DENIED' || cause.status === 'UNAUTHENTICATED'
  if (!(cause instanceof GeminiRefused) || !('http' in cause.sign)) return false
  return isImageAccessDenied(cause.sign) || failureKind(cause.sign).cause !== 'unreadable_image'
}

/** What every other unit would fail with too; undefined when it can be about this unit's request. */
function everyUnitsProblem({ cause, failure, message }: AttemptFailure): ProbeProblem | undefined {
  if (cause instanceof CloudError) return failure === 'unreadable_image' ? 'image_access' : 'model_access'
  if (!(cause instanceof GeminiRefused) || !('http' in cause.sign)) return undefined
  if (isImageAccessDenied(cause.sign)) return 'image_access'
  if (cause.sign.http === 401 || cause.sign.http === 403) return 'model_access'
  return cause.sign.http === 404 && /publisher model/i.test(message) ? 'model' : undefined
}
