/** How a CSV file separates and quotes its values. Each character is one byte of the file, as ISO-8859-1 reads it. */
export interface CsvDialect {
  delimiter: string
  /** Empty if nothing is quoted. */
  quote: string
  allowsQuotedNewlines: boolean
  /** Whether ASCII control characters are data. */
  keepsControls: boolean
}

export interface CsvValue {
  text: string
  quoted: boolean
}

/** One line of a CSV file, or several when a quoted value has newlines. */
export interface CsvRecord {
  /** The number of its first line, from 1. */
  line: number
  /** The byte offset of its first line. */
  start: number
  values: CsvValue[]
  /** Why its syntax is bad. Its values are those before the problem. */
  problem?: string
}

const NOT_CLOSED = (quote: string): string => `Missing close quote character (${quote}).`
const AFTER_CLOSE = (quote: string): string => `Data between close quote character (${quote}) and field separator.`
const NULL_CHARACTER = 'Bad character (ASCII 0) encountered.'

/**
 * Splits the bytes of a CSV file into records. BigQuery splits the raw bytes and decodes the values afterward
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-csv#csv-options, encoding). A doubled quote stands
 * for one. A line ends with \n, \r or both. Spaces before an opening quote do not count: the page's own example of a parsing error,
 * `"March 4, 1861", "April 15, "1865`, is one only then.
 */
export function* csvRecords(file: Buffer, dialect: CsvDialect): Generator<CsvRecord> {
  const text = file.toString('latin1')
  const { delimiter, quote, allowsQuotedNewlines } = dialect
  let line = 1
  let at = 0
  // Looked for only once they are behind: a line may have a million values, and a file no delimiter or carriage return.
  let [feedEnd, returnEnd, valueEnd] = [-1, -1, -1]
  const nextLineEnd = (): number => {
    if (feedEnd < at) feedEnd = endOf(text, '\n', at)
    if (returnEnd < at) returnEnd = endOf(text, '\r', at)
    return Math.min(feedEnd, returnEnd)
  }
  while (at < text.length) {
    const record: CsvRecord = { line, start: at, values: [] }
    let newlines = 0
    for (;;) {
      const lineEnd = nextLineEnd()
      if (valueEnd < at) valueEnd = endOf(text, delimiter, at)
      const open = quote === '' ? -1 : openingQuote(text, at, quote)
      if (open < 0) {
        const end = Math.min(lineEnd, valueEnd)
        record.values.push({ text: text.slice(at, end), quoted: false })
        at = end
      } else {
        const closed = quotedValue(text, open, quote, allowsQuotedNewlines ? text.length : lineEnd)
        if (!closed) {
          record.problem = NOT_CLOSED(quote)
          at = allowsQuotedNewlines ? text.length : lineEnd
          break
        }
        record.values.push({ text: closed.text, quoted: true })
        newlines += closed.newlines
        at = closed.end
        if (at < text.length && text[at] !== delimiter && !isLineEnd(text, at)) {
          record.problem = AFTER_CLOSE(quote)
          at = nextLineEnd()
          break
        }
      }
      if (at >= text.length || isLineEnd(text, at)) break
      at += 1
      if (at >= text.length) {
        record.values.push({ text: '', quoted: false })
        break
      }
    }
    at += text.startsWith('\r\n', at) ? 2 : 1
    line += newlines + 1
    const isBlank = record.values.length === 1 && record.values[0]!.text === '' && !record.values[0]!.quoted
    if (isBlank && record.problem === undefined) continue
    if (!dialect.keepsControls && record.problem === undefined && text.slice(record.start, at).includes('\0'))
      record.problem = NULL_CHARACTER
    for (const value of record.values) value.text = decoded(value.text)
    yield record
  }
}

/** Where `mark` comes next, or the text ends. */
function endOf(text: string, mark: string, at: number): number {
  const found = text.indexOf(mark, at)
  return found < 0 ? text.length : found
}

function isLineEnd(text: string, at: number): boolean {
  return text[at] === '\n' || text[at] === '\r'
}

function openingQuote(text: string, at: number, quote: string): number {
  let open = at
  while (text[open] === ' ') open += 1
  return text[open] === quote ? open : -1
}

/** The value whose quote opens at `open`, or undefined if it does not close before `limit`. */
function quotedValue(
  text: string,
  open: number,
  quote: string,
  limit: number,
): { text: string; end: number; newlines: number } | undefined {
  let value = ''
  let from = open + 1
  for (;;) {
    const close = text.indexOf(quote, from)
    if (close < 0 || close >= limit) return undefined
    value += text.slice(from, close)
    if (text[close + 1] !== quote)
      return { text: value, end: close + 1, newlines: value.split(/\r\n|\r|\n/).length - 1 }
    value += quote
    from = close + 2
  }
}

/** Bytes as UTF-8. What is no UTF-8 becomes U+FFFD, as BigQuery documents on the same page. */
function decoded(bytes: string): string {
  // oxlint-disable-next-line no-control-regex
  return /[^\0-\x7f]/.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes
}
