import { GoogleError } from '../../kernel/errors.ts'
import { LONGEST_LABEL, MOST_LABELS } from './limits.ts'

const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]*$/u
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]*$/u

/**
 * Checks a resource's labels against https://cloud.google.com/pubsub/docs/labels#requirements.
 *
 * @throws GoogleError INVALID_ARGUMENT naming the label
 */
export function checkLabels(labels: Record<string, string>): Record<string, string> {
  const entries = Object.entries(labels)
  if (entries.length > MOST_LABELS) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      `A resource can have at most ${MOST_LABELS} labels, got ${entries.length}.`,
    )
  }
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key) || characters(key) > LONGEST_LABEL) throw invalidLabel(`key "${key}"`)
    if (!LABEL_VALUE.test(value) || characters(value) > LONGEST_LABEL)
      throw invalidLabel(`value "${value}" of "${key}"`)
  }
  return { ...labels }
}

/** Unicode characters, not UTF-16 units: the limit is the same for every script. */
function characters(text: string): number {
  return Array.from(text).length
}

function invalidLabel(what: string): GoogleError {
  return new GoogleError(
    'INVALID_ARGUMENT',
    `Invalid label ${what}. Refer to https://cloud.google.com/pubsub/docs/labels#requirements for more information.`,
  )
}
