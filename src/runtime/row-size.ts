/**
 * BigQuery accepts rows up to 10 MB (https://cloud.google.com/bigquery/quotas#streaming_inserts); the rest is for the
 * request around it.
 */
export const MAX_ROW_BYTES = 9_000_000

/** Limit for a message, which says what went wrong; a longer text is a whole document. */
const MAX_MESSAGE_CHARACTERS = 4_000

/**
 * Returns the row with its texts cut, longest first, until BigQuery accepts it. Every cut leaves a
 * visible mark. Also removes halves of surrogate pairs, because BigQuery stores only whole characters.
 */
export function fitRow<Row extends { error_message?: string }>(row: Row): Row {
  if (fits(row)) return row
  let fitted = mapTexts(row, withoutHalves) as Row
  if (fitted.error_message !== undefined) fitted.error_message = cutText(fitted.error_message, MAX_MESSAGE_CHARACTERS)
  for (
    let limit = MAX_ROW_BYTES / 2;
    limit > SHORTEST_CUT && jsonBytes(fitted) > MAX_ROW_BYTES;
    limit = Math.floor(limit / 2)
  ) {
    fitted = mapTexts(fitted, (text) => cutText(text, limit)) as Row
  }
  return fitted
}

/** JSON has at most three bytes for each of its characters, and halves of surrogate pairs as escapes that begin with this. */
const MAX_CHARACTER_BYTES = 3
const ESCAPED_HALF = /\\ud/

/** Whether a row needs no change, as almost all. Some that need none are not recognized. */
function fits(row: { error_message?: string }): boolean {
  if (row.error_message !== undefined && row.error_message.length > MAX_MESSAGE_CHARACTERS) return false
  const json = JSON.stringify(row)
  return json.length * MAX_CHARACTER_BYTES <= MAX_ROW_BYTES && !ESCAPED_HALF.test(json)
}

/** Texts this short are not cut: that would save nothing and lose IDs. */
const SHORTEST_CUT = 1_000

/** Returns the start of the text and a mark that says how much is missing; at most `characters` long. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text
  const mark = (removed: number): string => `… [${removed} characters cut by imagery]`
  const kept = characters - mark(text.length).length
  // In a short text, the mark would leave no room for what it is about.
  if (kept < mark(text.length).length) return `${withoutHalves(text.slice(0, Math.max(0, characters - 1)))}…`
  return withoutHalves(text.slice(0, kept)) + mark(text.length - kept)
}

/** Removes each half of a surrogate pair, such as what is left of an emoji that was cut. */
export function withoutHalves(text: string): string {
  return text.isWellFormed() ? text : text.replaceAll(/\p{Surrogate}/gu, '')
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((member) => mapTexts(member, change))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, mapTexts(member, change)]))
}
