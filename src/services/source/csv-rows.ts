import { Readable } from 'node:stream'
import { CsvError, parse, type InfoRecord } from 'csv-parse'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { escapedQuoteAdvice, escapedSeparatorAdvice, plainQuoteAdvice } from './backslashes.ts'
import { decodedChunks, type TextTable } from './table-text.ts'

/** A row of a file, with its values in the order of the columns. A value that the row lacks is undefined. */
export interface FileRow {
  /** Where the row begins in the file, from 1. */
  line: number
  values: readonly unknown[]
}

/** Separators that files use, most common first. BigQuery's own detection knows the comma, the pipe and the tab (https://cloud.google.com/bigquery/docs/schema-detect#csv_delimiter). */
const DELIMITERS = [',', ';', '\t', '|']

/** Excel writes this line for itself above the header. */
const EXCEL_SEPARATOR = /^"?sep=(.)"?\r?\n/

/** A longer record means that a quote is not closed. BigQuery's limit for a row is 100 MB. */
const MAX_RECORD_BYTES = 16_000_000

/**
 * Reads the rows of a CSV file, its header first. As strict as BigQuery: every quote must be closed, and every row must
 * have a value for every column.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED that names the line
 */
export async function* csvRows(table: TextTable): AsyncGenerator<FileRow> {
  const chunks = decodedChunks(table)
  const { head, delimiter, skippedLines } = await dialect(chunks)
  const parser = parse({
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    max_record_size: MAX_RECORD_BYTES,
  })
  const source = Readable.from(after(head, chunks))
  source.on('error', (error) => parser.destroy(error)).pipe(parser)
  let columns: number | undefined
  let nextLine = 1 + skippedLines
  let secondLine: number | undefined
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: InfoRecord }>) {
      const line = nextLine
      nextLine = info.lines + 1 + skippedLines
      const drawn = columns === undefined ? isFrame(record) : line === secondLine && isUnderline(record)
      if (drawn) throw notForPrograms(table, { line, delimiter })
      secondLine ??= nextLine
      columns ??= record.length
      yield { line, values: checkedWidth(record, columns, { line, isFirst: line === secondLine, table }) }
    }
  } catch (error) {
    if (error instanceof CsvError) throw await badCsv(error, { rowLine: nextLine, skippedLines, table, delimiter })
    throw error
  } finally {
    source.destroy()
    parser.destroy()
  }
}

async function* after(head: string, chunks: AsyncIterable<string>): AsyncGenerator<string> {
  if (head !== '') yield head
  yield* chunks
}

/** Reads as far as the header, and finds the separator in it. */
async function dialect(
  chunks: AsyncGenerator<string>,
): Promise<{ head: string; delimiter: string; skippedLines: number }> {
  let head = ''
  let marks = headerMarks(head)
  while (!marks.isWhole && head.length < MAX_RECORD_BYTES) {
    const next = await chunks.next()
    if (next.done) break
    head += next.value
    marks = headerMarks(head)
  }
  const excel = EXCEL_SEPARATOR.exec(head)
  if (excel) return { head: head.slice(excel[0].length), delimiter: excel[1]!, skippedLines: 1 }
  const most = Math.max(...marks.counts)
  return { head, delimiter: DELIMITERS[marks.counts.indexOf(most)]!, skippedLines: 0 }
}

/** Counts each separator in the first line that is not empty. Those inside quotes, like line ends there, are text. */
function headerMarks(head: string): { counts: number[]; isWhole: boolean } {
  const counts = DELIMITERS.map(() => 0)
  let isQuoted = false
  let isEmpty = true
  let isStart = true
  for (const letter of head) {
    const mark = DELIMITERS.indexOf(letter)
    const isEnd = letter === '\n' || letter === '\r'
    if (letter === '"' && (isQuoted || isStart)) isQuoted = !isQuoted
    else if (!isQuoted && mark >= 0) counts[mark]! += 1
    if (!isQuoted && isEnd && !isEmpty) return { counts, isWhole: true }
    isEmpty &&= isEnd
    isStart = mark >= 0 || isEnd
  }
  return { counts, isWhole: false }
}

/** Spreadsheets write empty cells behind a row's end; anything else in an extra or missing cell has moved. */
function checkedWidth(
  record: string[],
  columns: number,
  { line, isFirst, table }: { line: number; isFirst: boolean; table: TextTable },
): string[] {
  const isTooLong = record.length > columns && record.slice(columns).some((cell) => cell !== '')
  if (record.length >= columns && !isTooLong) return record.slice(0, columns)
  throw new ImageryError(
    'SOURCE_UNSUPPORTED',
    `${table.given} cannot be read as CSV: line ${line} has ${record.length} values, and the header has ${columns}`,
    {
      suggestions: [
        `sed -n ${line}p ${shellWord(table.given)}`,
        ...escapedSeparatorAdvice(record, table.given),
        ...widthAdvice(record.length - columns, { columns, line, isFirst, file: shellWord(table.given) }),
        'Put quotes around values that contain the separator',
      ],
    },
  )
}

/** What else a row of another width can be: a note above or below the rows, or R's names of rows, which have no header. */
function widthAdvice(
  more: number,
  { columns, line, isFirst, file }: { columns: number; line: number; isFirst: boolean; file: string },
): string[] {
  if (more < 0) return [`sed ${line}d ${file} > rows.csv   (if the line is no row)`]
  if (isFirst && columns === 1) return [`tail -n +${line} ${file} > rows.csv   (if the header is in line ${line})`]
  if (isFirst && more === 1) return ["write.csv(rows, 'rows.csv', row.names = FALSE)   (in R, if R wrote the file)"]
  return []
}

const FRAME = /^[+┌╭][-+─┬]+[+┐╮]$/
const UNDERLINE = /^\s*:?-{2,}[-+:]*\s*$/

/** Whether a file begins with the frame that databases draw around a table. */
const isFrame = ([cell = '', ...others]: readonly string[]): boolean => others.length === 0 && FRAME.test(cell)

/** Whether the line below the header only underlines it, as psql, sqlcmd and Markdown do. */
function isUnderline(record: readonly string[]): boolean {
  const cells = record.filter((cell) => cell.trim() !== '')
  return cells.length > 0 && cells.every((cell) => UNDERLINE.test(cell))
}

/** The commands turn lines of dashes, bars and hyphens into CSV; frames of other characters are DuckDB's. */
function notForPrograms({ given }: TextTable, { line, delimiter }: { line: number; delimiter: string }): ImageryError {
  const lines = String.raw`/^[-+|:,;[:space:]]+$/d; /^\([0-9]+ rows?( affected)?\)$/d`
  const cells = String.raw`; s/^ *\|? *//; s/ *\|? *$//; s/ *\| */|/g`
  const isDrawn = line === 1 || delimiter === '|'
  return new ImageryError(
    'SOURCE_UNSUPPORTED',
    `${given} cannot be read as CSV: line ${line} only draws lines, so this is a table for people`,
    {
      suggestions: [
        'Write the table as CSV: psql --csv, duckdb -csv, mysql --batch',
        `sed -E '${lines}${isDrawn ? cells : ''}' ${shellWord(given)} > rows.csv   (unless a value has such a character)`,
      ],
    },
  )
}

/** Some programs write ="007" so that Excel keeps the zeros. */
const withoutEqualSigns = (file: string): string =>
  String.raw`sed -E 's/(^|[,;[:space:]])="([^"]*)"/\1"\2"/g' ${shellWord(file)} > rows.csv`

async function badCsv(
  error: CsvError,
  {
    rowLine,
    skippedLines,
    table,
    delimiter,
  }: { rowLine: number; skippedLines: number; table: TextTable; delimiter: string },
): Promise<ImageryError> {
  const { code } = error
  const isOpen = code === 'CSV_QUOTE_NOT_CLOSED'
  // An open quote is noticed at the end of the file, and the other faults where they are.
  const line = isOpen ? rowLine : Number(error['lines'] ?? rowLine) + skippedLines
  // BigQuery takes a quote after a space as the beginning of a value, and this reader does not.
  const isAfterSpace = code === 'INVALID_OPENING_QUOTE' && /^\s+$/.test(String(error['field'] ?? ''))
  const reason = isOpen
    ? `a quote is not closed in the row that begins in line ${line}`
    : code === 'CSV_MAX_RECORD_SIZE'
      ? `a quote is not closed before line ${line}`
      : isAfterSpace
        ? `a space is before a quote in line ${line}`
        : code === 'INVALID_OPENING_QUOTE'
          ? `a quote is in the middle of a value in line ${line}`
          : code === 'CSV_INVALID_CLOSING_QUOTE'
            ? `a value continues after its closing quote in line ${line}`
            : error.message
  return new ImageryError('SOURCE_UNSUPPORTED', `${table.given} cannot be read as CSV: ${reason}`, {
    suggestions: [
      `sed -n ${line}p ${shellWord(table.given)}`,
      ...(error['field'] === '=' ? [withoutEqualSigns(table.given)] : []),
      ...(code === 'INVALID_OPENING_QUOTE' && !isAfterSpace ? plainQuoteAdvice(table.given, delimiter) : []),
      ...escapedQuoteAdvice(await textOfLine(table, line), { file: table.given, delimiter }),
      isAfterSpace
        ? 'Write no spaces before quotes'
        : 'Put quotes around the whole value, and double the quotes inside it',
    ],
    cause: error,
  })
}

/** Reads a line of the file again, without the end of a very long one. */
async function textOfLine(table: TextTable, wanted: number): Promise<string> {
  let text = ''
  let line = 1
  for await (const chunk of decodedChunks(table)) {
    const lines = chunk.split(/\r\n|\n|\r/)
    text += lines[wanted - line] ?? ''
    line += lines.length - 1
    if (line > wanted || text.length > MAX_RECORD_BYTES) break
  }
  return text
}
