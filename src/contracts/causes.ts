/**
 * Why an attempt failed. Every failed row carries one of these; `retry --only` selects by them.
 *
 * - `throttled`: the model or the cloud asked us to slow down until the last allowed try
 * - `timeout`: no answer in time
 * - `unreadable_image`: missing, too large, or not an image; a retry will not help
 * - `blocked`: the model refused for safety; a retry will not help
 * - `truncated`: the answer hit its length limit
 * - `schema`: the answer is not what the profile asks for
 * - `model_error`: any other refusal of the model
 * - `budget`: the run's cost limit was reached first
 */
export const CAUSES = [
  'throttled',
  'timeout',
  'unreadable_image',
  'blocked',
  'truncated',
  'schema',
  'model_error',
  'budget',
] as const

export type Cause = (typeof CAUSES)[number]

/**
 * What happened to an attempt. `throttled` is a failure that only the load explains. `retrying` is
 * no end: the unit is queued again, by Cloud Tasks after an attempt that was billed but may succeed
 * the next time, or by `imagery retry`; until its next row the unit is pending.
 */
export const ATTEMPT_STATUSES = ['ok', 'failed', 'throttled', 'retrying'] as const

export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]
