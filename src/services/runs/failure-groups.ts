import type { Cause } from '../../contracts/causes.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { FailureGroup } from '../../contracts/run-report.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'

/** A kind of failures, as the ledger's query returns it. */
export interface FailureKindRow {
  cause: Cause
  units: number
  unit_id: string
  error_message: string | null
}

/** A refusal of the model that repeating the call does not change. */
const PERMANENT = /HTTP (?:400|401|403|404|501)\b/

/** Returns a kind of failures with what to do about it. */
export function failureGroup(spec: RunSpec, { cause, units, unit_id, error_message }: FailureKindRow): FailureGroup {
  const message = error_message ?? ''
  return {
    cause,
    units: Number(units),
    example: { unit_id, error_message: message },
    next: nextFor(spec, cause, message),
  }
}

function nextFor(spec: RunSpec, cause: Cause, message: string): string {
  const retry = `imagery retry ${spec.run_id} --only ${cause}`
  switch (cause) {
    case 'throttled':
    case 'timeout':
    case 'budget':
      return retry
    case 'truncated':
      return `${retry} --model gemini-3.5-flash   (or run again with a higher max_output_tokens in the profile)`
    case 'schema':
      return `imagery results ${spec.run_id} --raw-answers --format jsonl   (then ${retry} --model MODEL can help)`
    case 'model_error':
      if (!PERMANENT.test(message)) return retry
      return /HTTP 400\b/.test(message)
        ? `imagery profiles validate ${shellWord(spec.profile_given ?? spec.profile.name)}   (the model refuses the request itself)`
        : `imagery doctor --model ${spec.gemini?.model ?? profileModel(spec.profile)}`
    case 'unreadable_image':
      return 'Correct the images or their URIs in the source, then run again; a retry does not help'
    case 'blocked':
      return 'Change the prompt, or leave these assets out with --where; a retry does not help'
  }
}
