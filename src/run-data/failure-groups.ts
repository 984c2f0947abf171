import type { Cause } from '../contracts/causes.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { FailureGroup } from '../contracts/run-report.ts'
import { runtimeAccount } from '../contracts/names.ts'
import { profileModel, type RunSpec } from '../contracts/run-spec.ts'
import { pastRetirement } from '../contracts/gemini-models.ts'

/** A kind of failures, as the ledger's query returns it. */
export interface FailureKindRow {
  cause: Cause
  units: number
  unit_id: string
  error_message: string | null
}

/** A refusal of the model that repeating the call does not change. */
const PERMANENT = /HTTP (?:400|401|403|404|501)\b/

/** An end of an answer that the same request would have again (`failureKind` in the runtime). */
const ENDS_ALIKE = /ended with (?:LANGUAGE|NO_IMAGE)\b/

/** What imagery and Vertex AI say of an image that an account may not read: its bucket's owner can grant access. */
const IMAGE_DENIED = /may not read gs:|permission denied while accessing input file|storage\.objects\.get/i

/** What imagery says of images that are too large to send inline. */
const TOO_LARGE_INLINE = /--image-transport (?:gs|inline)/

/** What imagery and Vertex AI say of an object that is not there. */
const MISSING = /does not exist|not found|no such (?:object|file)/i

/** Returns a kind of failures with what to do about it. */
export function failureGroup(spec: RunSpec, { cause, units, unit_id, error_message }: FailureKindRow): FailureGroup {
  const message = error_message ?? ''
  return {
    cause,
    units: Number(units),
    example: { unit_id, error_message: message },
    next: nextFor(spec, cause, { message, again: retryOf(spec, cause) }),
  }
}

/** Returns what to do about failures like the one that stopped a run: a retry is refused while assets are pending. */
export function stopNext(spec: RunSpec, failure: { cause: Cause; error_message: string }): string {
  const { run_id: runId } = spec
  const again: Again = {
    same: `imagery resume ${runId}`,
    withModel: (model) => `imagery run --update ${runId} --model ${model}`,
  }
  return nextFor(spec, failure.cause, { message: failure.error_message, again })
}

/** The commands that ask again about failed assets. */
interface Again {
  same: string
  withModel: (model: string) => string
}

interface Failure {
  message: string
  again: Again
}

function retryOf({ run_id: runId }: RunSpec, cause: Cause): Again {
  const same = `imagery retry ${runId} --only ${cause}`
  return { same, withModel: (model) => `${same} --model ${model}` }
}

/** Returns the next command if one can help, else the fix. */
function nextFor(spec: RunSpec, cause: Cause, failure: Failure): string {
  const { same, withModel } = failure.again
  const answers = `imagery results ${spec.run_id} --raw-answers --format jsonl`
  switch (cause) {
    case 'throttled':
    case 'timeout':
    case 'budget':
      return same
    case 'truncated':
      return `${answers}   (then ${withModel(otherModel(spec))}, or a new run with a higher max_output_tokens in the profile)`
    case 'schema':
      return `${answers}   (then ${withModel(otherModel(spec))}, which may do better)`
    case 'model_error':
      return modelErrorNext(spec, failure)
    case 'unreadable_image':
      return imageNext(spec, failure)
    case 'blocked':
      return 'Change the prompt, or leave these assets out with --where; a retry does not help'
  }
}

function modelErrorNext(spec: RunSpec, { message, again: { same, withModel } }: Failure): string {
  const model = spec.gemini?.model ?? profileModel(spec.profile)
  if (ENDS_ALIKE.test(message)) return `${withModel(otherModel(spec))}   (the same model would answer the same)`
  if (!PERMANENT.test(message)) return same
  const instead = spec.gemini?.endpoint === null ? pastRetirement(model)?.instead : undefined
  if (instead !== undefined) return `${withModel(instead)}   (Google has retired ${model})`
  return /HTTP 400\b/.test(message)
    ? `imagery profiles validate ${shellWord(spec.profile_given ?? spec.profile.name)}   (the model refuses the request itself)`
    : `imagery doctor --model ${model}   (then ${same})`
}

function imageNext(spec: RunSpec, { message, again: { same } }: Failure): string {
  if (IMAGE_DENIED.test(message)) {
    const bucket = /gs:\/\/([^\s/]+)/.exec(message)?.[1] ?? 'BUCKET'
    const readsItself =
      spec.gemini === null || spec.gemini.image_transport === 'inline' || /runtime may not/.test(message)
    const member = readsItself
      ? runtimeAccount(spec.place)
      : "Vertex AI's service agent, service-PROJECT_NUMBER@gcp-sa-aiplatform.iam.gserviceaccount.com,"
    return `${same}   (after the owner of gs://${bucket} has granted ${member} roles/storage.objectViewer)`
  }
  if (TOO_LARGE_INLINE.test(message)) return 'Run again with --image-transport gs; a retry does not help'
  if (MISSING.test(message) && !spec.source.loaded) return `${same}   (after the images are there, under the same URIs)`
  return 'Correct the images or their URIs in the source, then run again; a retry does not help'
}

/** A stronger model than the run's. */
function otherModel({ gemini }: RunSpec): string {
  return gemini?.model.startsWith('gemini-3.5-flash') && !gemini.model.includes('lite')
    ? 'gemini-3.6-flash'
    : 'gemini-3.5-flash'
}
