import { stat } from 'node:fs/promises'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { FileRow } from './csv-rows.ts'
import { parseExactJson } from './exact-json.ts'
import { lineAdvice, otherJson, valueAdvice, type JsonAdvice } from './other-json.ts'
import { decodedChunks, MOST_BYTES, type TextTable } from './table-text.ts'

/**
 * Reads the rows of a file with one JSON object per line.
 *
 * @param headers the names of the columns, in the order of the values. The function adds those that it finds.
 * @throws ImageryError SOURCE_UNSUPPORTED that names the line, or the command that turns another JSON file into such lines
 */
export async function* jsonRows(table: TextTable, headers: string[]): AsyncGenerator<FileRow> {
  const indexes = new Map(headers.map((header, index) => [header, index]))
  let line = 0
  for await (const text of lines(table)) {
    line += 1
    if (text.trim() === '') continue
    const values: unknown[] = Array.from({ length: headers.length })
    for (const [name, value] of Object.entries(jsonObject(text, line, table))) {
      let index = indexes.get(name)
      if (index === undefined) {
        index = headers.push(name) - 1
        indexes.set(name, index)
      }
      values[index] = value
    }
    yield { line, values }
  }
}

/** BigQuery's limit for a row is 100 MB (https://cloud.google.com/bigquery/quotas#load_jobs). */
const MAX_LINE_LETTERS = 100_000_000

async function* lines(table: TextTable): AsyncGenerator<string> {
  /** The pieces of a line whose end is still to come. */
  let rest: string[] = []
  let letters = 0
  let line = 1
  let isFirst = true
  for await (const chunk of decodedChunks(table)) {
    if (isFirst) {
      const advice = otherJson(chunk, { file: table.given, isWhole: (await stat(table.file)).size <= MOST_BYTES })
      if (advice) throw notLines(table, advice)
      isFirst = false
    }
    const [first = '', ...more] = chunk.split('\n')
    rest.push(first)
    letters += first.length
    if (letters > MAX_LINE_LETTERS) throw lineTooLong(table, line)
    const last = more.pop()
    if (last === undefined) continue
    yield rest.join('')
    yield* more
    line += 1 + more.length
    rest = [last]
    letters = last.length
  }
  if (letters > 0) yield rest.join('')
}

function lineTooLong(table: TextTable, line: number): ImageryError {
  return notLines(table, {
    what: `line ${line} is longer than ${MAX_LINE_LETTERS / 1_000_000} MB`,
    command: `jq -c . ${shellWord(table.given)} > rows.jsonl   (if the file has no line ends between its objects)`,
  })
}

function jsonObject(text: string, line: number, table: TextTable): Record<string, unknown> {
  let value: unknown
  try {
    value = parsedLine(text)
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error
    throw new ImageryError(
      'SOURCE_UNSUPPORTED',
      `${table.given} cannot be read as JSON lines: line ${line} is ${error instanceof RangeError ? 'nested too deeply' : 'not one JSON object'}`,
      { suggestions: lineAdvice(text, line, table.given), cause: error },
    )
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw notLines(table, {
    what: `line ${line} is ${Array.isArray(value) ? 'an array' : 'a single value'}, not an object`,
    command: valueAdvice(value, line, table.given),
  })
}

/** Some programs write a comma before or after each object, or the mark of https://www.rfc-editor.org/rfc/rfc7464 before it. */
const AROUND = /^\s*[\u001E,]?|,\s*$/g

function parsedLine(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch (error) {
    const object = error instanceof SyntaxError ? text.replaceAll(AROUND, '') : text
    if (object === text || !object.trimStart().startsWith('{')) throw error
    return parseExactJson(object)
  }
}

export function notLines(table: Pick<TextTable, 'given'>, { what, command }: JsonAdvice): ImageryError {
  return new ImageryError('SOURCE_UNSUPPORTED', `${table.given} cannot be read as JSON lines: ${what}`, {
    suggestions: [command],
  })
}
