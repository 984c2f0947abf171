import { checkLevels } from '../../kernel/json-text.ts'
import type { TextRow } from './text-row.ts'
import { BadValue } from './values-in.ts'

/** Numbers too long for JavaScript's are kept as text, which every numeric column also reads. */
function reviveLongNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? context.source : value
}

const LONG_NUMBER = /[:[,]\s*-?\d{16}/

/** A column of type JSON has 500 levels at most (https://cloud.google.com/bigquery/docs/json-data#limitations), its row and request a few more. */
const MAX_LEVELS = 520

/** JSON text; integers beyond 2^53 keep all of their digits. Throws SyntaxError. */
export function parseExactly(text: string): unknown {
  checkLevels(text, MAX_LEVELS)
  if (!LONG_NUMBER.test(text)) return JSON.parse(text) as unknown
  return JSON.parse(text, reviveLongNumbers) as unknown
}

const LINE_FEED = 10

/** The rows of newline-delimited JSON, one by one: https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-json */
export function* rowsFromJson(file: Buffer): Generator<TextRow> {
  let number = 1
  for (let start = 0; start < file.length; number++) {
    const found = file.indexOf(LINE_FEED, start)
    const end = found < 0 ? file.length : found
    const line = file.toString('utf8', start, end)
    // A byte order mark is data anywhere but at the start of a file.
    const text = start === 0 ? line.replace(/^\ufeff/, '') : line
    if (text.trim() !== '') yield { line: number, start, values: jsonRow(text) }
    start = end + 1
  }
}

/** The message about a row: viant/bqtail's tests have whole answers of BigQuery, r-dbi/bigrquery#485 has one. */
export function jsonMessage({ start }: TextRow, error: BadValue): string {
  return `JSON parsing error in row starting at position ${start}: ${error.message}`
}

function jsonRow(line: string): Record<string, unknown> | BadValue {
  try {
    const value = parseExactly(line)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
    return new BadValue('', 'Row is not a JSON object')
  } catch (error) {
    if (error instanceof SyntaxError)
      return new BadValue('', `Parser terminated before end of string: ${error.message}`)
    throw error
  }
}
