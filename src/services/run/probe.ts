import { ImageryError } from '../../contracts/errors.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { geminiModelFacts } from '../../contracts/gemini-models.ts'
import { bucketName, runtimeAccount, vertexAgent } from '../../contracts/names.ts'
import { usdText } from '../../contracts/prices.ts'
import type { ProbedRetry, SampledUnit } from '../../contracts/messages.ts'
import { probeResult, type ProbeResult } from '../../contracts/probe.ts'
import { longestTryMs, type GeminiOptions } from '../../contracts/run-spec.ts'
import type { PipelineStep, StepReporter } from '../../contracts/steps.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { pause, pausesNow } from '../../google/transport/pauses.ts'
import type { Deployed, Probed, RecordedContext, ToAsk } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { beginGeneration, currentGeneration } from '../../run-data/rounds.ts'

/** One call tries at most five units, and each call to the model has a minute, after ten seconds for its turn. */
const CALL_MS = 360_000

/** The time for the row of a unit of a sample, after its answer. */
const ROW_MS = 60_000

/** Vertex AI takes minutes to create its service agent, and some projects longer. */
const AGENT_MS = 15 * 60_000
const AGENT_PAUSE_MS = 5_000

/** How long a throttled model is asked again, and how often one that fails. After that the run starts anyway. */
const THROTTLED_MS = 60_000
const MOST_TRIES = 3

type Probing = RecordedContext &
  Deployed & { warnings?: string[] } & { retried?: ProbedRetry; sampledUnit?: SampledUnit } & Partial<ToAsk>

/**
 * Asks the model about one unit of the run, through the service and with its account, before any task exists: what
 * would fail for every unit fails here, for the price of one call. The answer is the unit's row. A run whose tasks were
 * published before is not probed again.
 */
export const probeModel: PipelineStep<Probing, Probed> = creatingStep<Probing, Probed>({
  title: 'Ask the model about one asset',
  async run(context, reporter) {
    const { spec, milestones, warnings } = context
    if (!spec.gemini) return { skipped: 'no model', adds: { probed: undefined } }
    if (context.toAsk?.units === 0) return { skipped: 'every answer is carried over', adds: { probed: undefined } }
    if (await currentGeneration(spec)) return { skipped: 'asked before', adds: { probed: undefined } }
    // If the answer to a probe is lost, the model may have been paid.
    milestones.hasRows = true
    const result = await lastProbe(context, spec.gemini, reporter)
    if (result instanceof ImageryError) {
      milestones.hasRows = false
      throw result
    }
    const { recorded } = result
    milestones.hasRows = recorded.length > 0 || result.outcome === 'retry'
    // From here on, a resume queues only the units without a row.
    if (recorded.length > 0) await beginGeneration(spec, { generation: 0 })
    const warning = probeWarning(result)
    if (warning !== undefined) warnings?.push(warning)
    return { done: said(result), adds: { probed: recorded } }
  },
})

type Usable = Exclude<ProbeResult, { outcome: 'refused' }>

/** Returns the warning about a probe that did not end in an answer that fits. */
export function probeWarning(result: Usable): string | undefined {
  if (result.outcome === 'no_image') return `The model was not asked before the run: ${said(result)}`
  const isFit = result.outcome === 'answered' && result.cause === undefined
  return isFit ? undefined : `The model was asked about one asset before the run: ${said(result)}`
}

export function said(result: Usable): string {
  switch (result.outcome) {
    case 'answered': {
      const cost = result.cost_usd === undefined ? '' : `, ${usdText(result.cost_usd)}`
      const failure = result.cause === undefined ? '' : ` (${result.cause}): ${result.error_message ?? ''}`
      return `${result.unit_id}: ${result.status}${failure}${cost}`
    }
    case 'retry':
      return `not answered yet (${result.cause}): ${result.message}; its task asks again`
    case 'no_image':
      return 'the first assets have no readable image'
  }
}

/**
 * Probes until there is an answer, and returns it, or the error of a run that must not start. A model that is only slow,
 * throttled or failing does not stop the run.
 */
export async function lastProbe(
  context: Probing,
  gemini: GeminiOptions,
  reporter: StepReporter,
): Promise<Usable | ImageryError> {
  const startMs = pausesNow()
  for (let tries = 1; ; tries += 1) {
    context.signal.throwIfAborted()
    const result = await callProbe(context)
    if (result.outcome === 'refused') return refusal(context, gemini, result)
    if (result.outcome !== 'retry') return result
    const passedMs = pausesNow() - startMs
    if (result.is_agent_coming) {
      if (passedMs > AGENT_MS) return agentMissing(context, result.message)
      reporter.detail('waiting until Vertex AI has created its service agent')
      await pause(AGENT_PAUSE_MS)
      continue
    }
    const isOver = result.cause === 'throttled' ? passedMs > THROTTLED_MS : tries >= MOST_TRIES
    // A slow answer can have been billed, and is not asked for again here.
    if (isOver || result.cause === 'timeout') return result
    reporter.detail(`${result.cause}: ${result.message}`)
    await pause(result.retry_after_ms)
  }
}

async function callProbe({ deployment, runId, target, retried, sampledUnit, spec }: Probing): Promise<ProbeResult> {
  const { status, body } = await callService(deployment.mainUrl, '/probe', {
    method: 'POST',
    body: {
      v: 1,
      run_id: runId,
      ...(retried ? { retry: retried } : {}),
      ...(sampledUnit ? { sample: sampledUnit } : {}),
    },
    timeoutMs: sampledUnit ? longestTryMs(spec.limits) + ROW_MS : CALL_MS,
  })
  const result = probeResult.safeParse(body)
  if (status === 200 && result.success) return result.data
  throw new ImageryError(
    'CLOUD_ERROR',
    `imagery-main could not probe run ${runId}: HTTP ${status} ${JSON.stringify(body)}`,
    { suggestions: [`imagery deploy${target.flags}   (if the services are from an older version)`] },
  )
}

type Refusal = Extract<ProbeResult, { outcome: 'refused' }>

/** The error for what every unit would fail with. Each problem has its own fix. */
async function refusal(
  context: RecordedContext,
  gemini: GeminiOptions,
  { problem, message, image }: Refusal,
): Promise<ImageryError> {
  const { flags } = context.target
  switch (problem) {
    case 'image_access':
      return imageAccessDenied(context, gemini, { message, image })
    case 'model_access':
      return new ImageryError('ACCESS_DENIED', `The run may not call ${gemini.model}: ${message}. ${NOTHING_BILLED}`, {
        suggestions: [
          `imagery deploy${flags}   (grants ${runtimeAccount(context.target.place)} its roles)`,
          'Ask the administrator of your organization which models it allows, and choose one with --model',
        ],
      })
    case 'model': {
      const instead = geminiModelFacts(gemini.model)?.retirement?.instead
      return new ImageryError('NOT_AVAILABLE', `${message}. ${NOTHING_BILLED}`, {
        suggestions: [
          ...(instead === undefined ? [] : [`Run the same command with --model ${instead}`]),
          ...(gemini.location === 'global' ? [] : ['Run the same command with --location global']),
          `imagery doctor${flags} --model ${gemini.model}`,
        ],
      })
    }
    case 'request':
      return new ImageryError('INVALID_PROFILE', `Gemini refuses the request: ${message}. ${NOTHING_BILLED}`, {
        suggestions: requestFixes(message),
      })
  }
}

const NOTHING_BILLED = 'Nothing was billed, and no task was created'

function requestFixes(message: string): string[] {
  if (/thinking/i.test(message))
    return ['Set thinking in the profile to a level that the model accepts (docs/profiles.md)']
  if (/schema|nesting|enum|properties|too many states/i.test(message))
    return ['Make the output of the profile simpler: fewer values, fewer levels, shorter lists of choices']
  return ['Run the same command with another --model', 'Run the same command with fewer --images-per-unit']
}

async function imageAccessDenied(
  { spec, target }: RecordedContext,
  gemini: GeminiOptions,
  { message, image }: { message: string; image: string },
): Promise<ImageryError> {
  const name = parseGsUri(image)
  const bucket = 'fault' in name ? undefined : name.bucket
  const isInline = gemini.image_transport === 'inline'
  const email = isInline ? runtimeAccount(target.place) : await agentEmail(spec.place.projectId)
  const what = isInline ? 'The services may not read' : "Vertex AI's service agent may not read"
  const grant = `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member serviceAccount:${email} --role roles/storage.objectViewer   (run by the bucket's owner)`
  return new ImageryError('ACCESS_DENIED', `${what} ${image}: ${message}. ${NOTHING_BILLED}`, {
    suggestions: [
      bucket === bucketName(target.place) ? `imagery deploy${target.flags}` : grant,
      ...(isInline
        ? []
        : [
            `Run the same command with --image-transport inline   (${runtimeAccount(target.place)} reads the images instead; grant it the same role)`,
          ]),
    ],
  })
}

/** The person who starts runs may lack the permission to read the project's number. */
async function agentEmail(projectId: string): Promise<string> {
  return vertexAgent(await projectNumber(projectId).catch(() => 'PROJECT_NUMBER'))
}

/** https://firebase.google.com/docs/ai-logic/error-codes: in some projects the agent is never created by itself. */
function agentMissing({ target, spec }: RecordedContext, message: string): ImageryError {
  const { projectId } = spec.place
  return new ImageryError(
    'NOT_AVAILABLE',
    `Vertex AI has not created its service agent in project ${projectId} within ${AGENT_MS / 60_000} minutes: ${message}. ${NOTHING_BILLED}`,
    {
      suggestions: [
        `gcloud beta services identity create --service aiplatform.googleapis.com --project ${projectId}`,
        `imagery deploy${target.flags}`,
        'Run the same command with --image-transport inline',
      ],
    },
  )
}
