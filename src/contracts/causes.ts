/**
 * Why an attempt failed. Every failed row has one of these causes; `retry --only` selects by cause.
 *
 * - `throttled`: the model was overloaded (502, 503) until the last try; a 429 is repeated until it passes and uses up no try
 * - `timeout`: no answer in time
 * - `unreadable_image`: missing, too large, or not an image; a retry does not help
 * - `blocked`: the model refused for safety; a retry does not help
 * - `truncated`: the answer hit its length limit
 * - `schema`: the answer does not fit the profile
 * - `model_error`: any other refusal of the model
 * - `budget`: no row has it: a unit that `--max-cost` leaves no money for is not tried and stays pending, and its task is
 *   answered with this code until the run stops or there is money again
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
 * What happened to an attempt. `throttled` is a failure caused by load alone. `retrying` is not final:
 * the unit is queued again, either by Cloud Tasks after a billed attempt that may succeed next time, or
 * by `imagery retry`. The unit is pending until its next row.
 */
export const ATTEMPT_STATUSES = ['ok', 'failed', 'throttled', 'retrying'] as const

export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]
