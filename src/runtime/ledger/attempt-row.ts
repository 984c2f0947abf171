import { createHash } from 'node:crypto'
import type { AttemptStatus, Cause } from '../../contracts/causes.ts'
import type { TaskPayload } from '../../contracts/messages.ts'
import { runImagesPrefix } from '../../contracts/names.ts'
import { costUsd } from '../../contracts/prices.ts'
import { redacted } from '../../contracts/redaction.ts'
import { questionHash } from '../../contracts/question-hash.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'
import type { Answer, Known } from '../models/model.ts'
import { fitRow } from '../row-size.ts'

/** One row of the ledger `<name>_attempts`; the profile's own columns come in addition. */
export interface AttemptRow extends Record<string, unknown> {
  run_id: string
  unit_id: string
  asset_id?: string
  bucket: number
  attempt_id: string
  generation: number
  status: AttemptStatus
  cause?: Cause
  error_message?: string
  /** RFC 3339. */
  started_at: string
  finished_at: string
}

/** One try of a task so far. */
export interface Attempt {
  id: string
  task: TaskPayload
  spec: RunSpec
  startedMs: number
  finishedMs: number
  /** Who answers the run (`answererOf`). Without it, no later run takes the answer over. */
  answeredBy?: string | undefined
}

export interface Failure {
  status: Exclude<AttemptStatus, 'ok'>
  cause: Cause
  message: string
  known: Known
}

/** Returns the row of an attempt with an answer. */
export function answeredRow(attempt: Attempt, answer: Answer): AttemptRow {
  const names = Object.keys(attempt.spec.profile.output.properties ?? {})
  const columns = Object.fromEntries(names.map((name) => [name, answer.columns[name]]))
  return fitRow(compact({ ...columns, ...attemptKeys(attempt, 'ok'), ...provenance(attempt, answer) }))
}

/** Returns the row of an attempt without an answer. */
export function failedRow(attempt: Attempt, failure: Failure): AttemptRow {
  return fitRow(
    compact({
      ...attemptKeys(attempt, failure.status),
      cause: failure.cause,
      error_message: redacted(inNamesOfTable(attempt.spec, failure.message)),
      ...provenance(attempt, failure.known),
    }),
  )
}

/** Calls the copy of a local image as the table calls the image: users do not know the address of the copy. */
function inNamesOfTable({ place, run_id, source }: RunSpec, message: string): string {
  if (source.image_folder === null) return message
  const prefix = runImagesPrefix(place, run_id)
  // Cloud Storage's own messages name objects without a scheme.
  return message.replaceAll(prefix, '').replaceAll(prefix.slice('gs://'.length), '')
}

/**
 * Returns the replacement for a row that BigQuery refuses: the same attempt without its answer's columns, so that the
 * asset is not lost.
 */
export function refusedRow(attempt: Attempt, answer: Answer, reason: string): AttemptRow {
  const known = { ...answer, rawAnswer: answer.rawAnswer ?? JSON.stringify(answer.columns) }
  return failedRow(attempt, {
    status: 'failed',
    cause: 'schema',
    message: `BigQuery refused the answer: ${reason}`,
    known,
  })
}

function attemptKeys({ id, task, spec, startedMs, finishedMs }: Attempt, status: AttemptStatus): AttemptRow {
  return {
    run_id: spec.run_id,
    unit_id: task.unit_id,
    ...(task.asset_id === null ? {} : { asset_id: task.asset_id }),
    bucket: task.bucket,
    attempt_id: id,
    generation: task.generation,
    status,
    started_at: new Date(startedMs).toISOString(),
    finished_at: new Date(finishedMs).toISOString(),
  }
}

function provenance(attempt: Attempt, known: Known): Record<string, unknown> {
  const { task, spec, startedMs, finishedMs } = attempt
  const observations = known.observationsUsed ?? task.observations
  return {
    raw_answer: known.rawAnswer,
    repaired: known.repaired,
    model: spec.gemini?.model ?? profileModel(spec.profile),
    model_version: known.modelVersion,
    tier: spec.gemini ? (known.tier ?? spec.gemini.tier) : undefined,
    prompt_hash: promptHash(spec),
    input_hash: known.inputHash,
    prompt_tokens: known.usage?.promptTokens,
    output_tokens: known.usage?.outputTokens,
    thought_tokens: known.usage?.thoughtTokens,
    cost_usd: cost(spec, known),
    latency_ms: Math.round(finishedMs - startedMs),
    finish_reason: known.finishReason,
    observation_ids: observations.map((observation) => observation.observation_id),
    gcs_uris: observations.map((observation) => observation.gcs_uri),
    ...answerKey(attempt, known),
  }
}

/** What a later run compares before it takes an answer over: the question, and the version of every image of the unit. */
function answerKey({ task, spec, answeredBy }: Attempt, { imageVersions }: Known): Record<string, unknown> {
  if (answeredBy === undefined || imageVersions === undefined) return {}
  return {
    question_hash: hashOfQuestion(spec, answeredBy),
    input_images: task.observations.map(({ observation_id, gcs_uri, capture_time }) => ({
      observation_id,
      gcs_uri,
      ...(capture_time === null ? {} : { capture_time }),
      ...(imageVersions.has(gcs_uri) ? { version: imageVersions.get(gcs_uri) } : {}),
    })),
  }
}

const questionHashes = new WeakMap<RunSpec, string>()

/** A service has one answerer as long as it lives. */
function hashOfQuestion(spec: RunSpec, answeredBy: string): string {
  const hash = questionHashes.get(spec) ?? questionHash(spec, answeredBy)
  questionHashes.set(spec, hash)
  return hash
}

/**
 * The pixels model runs on the deployment's own CPU. A Gemini attempt without usage is not billed. The cost of one whose
 * usage lacks a count is unknown.
 */
function cost({ gemini }: RunSpec, { usage, tier }: Known): number | undefined {
  if (!gemini || !usage) return 0
  const { promptTokens, outputTokens, thoughtTokens } = usage
  if (promptTokens === null || outputTokens === null || thoughtTokens === null) return undefined
  return costUsd({ promptTokens, outputTokens, thoughtTokens }, gemini.price, tier ?? gemini.tier)
}

/** What an attempt cost, in billionths of a US dollar; undefined if that is unknown. */
export function attemptNanousd(spec: RunSpec, known: Known): number | undefined {
  const usd = cost(spec, known)
  return usd === undefined ? undefined : Math.round(usd * 1e9)
}

/** BigQuery reads an absent member as NULL, or as an empty array in a REPEATED column, which refuses a JSON null. */
function compact(row: AttemptRow): AttemptRow {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== undefined && value !== null),
  ) as AttemptRow
}

const promptHashes = new WeakMap<RunSpec, string>()

function promptHash(spec: RunSpec): string {
  let hash = promptHashes.get(spec)
  if (hash === undefined) {
    const { measure, prompt, output } = spec.profile
    const { price: _, endpoint: _from, ...asked } = spec.gemini ?? { price: null, endpoint: null }
    const model = spec.gemini?.model ?? profileModel(spec.profile)
    hash = createHash('sha256')
      .update(JSON.stringify({ ...asked, model, measure, prompt, output }))
      .digest('hex')
    promptHashes.set(spec, hash)
  }
  return hash
}
