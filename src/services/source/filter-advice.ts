import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { SourceField } from './columns.ts'

/** The parts of a condition: quoted texts and names, comments, names, numbers, operators, anything else. */
const TOKENS =
  /"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_]\w*|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|<=|>=|<>|!=|\s+|[\s\S]/g

/**
 * BigQuery's words for operands that cannot be compared, which it writes in two ways: `for argument types: STRING,
 * INT64. Supported signature: …` and, on lines of their own, `Argument types: STRING, INT64` (dbt-labs/dbt-utils#1015).
 */
const NO_SIGNATURE =
  /No matching signature for (?:operator|function) \S+(?:[^\n]*?for argument types:?|\s+Argument types:)\s*([^\n.]*)/i

const tokensOf = (where: string): string[] => where.match(TOKENS) ?? []

const COMMENT = /^(?:--|#|\/\*)/

const NOT_BOOL = /WHERE clause should return type BOOL, but returns STRING/i

/** What a text is cast to, to be compared with a value of each type. */
const CASTS: Readonly<Record<string, string>> = {
  INT64: 'FLOAT64',
  FLOAT64: 'FLOAT64',
  NUMERIC: 'NUMERIC',
  BIGNUMERIC: 'BIGNUMERIC',
  DATE: 'DATE',
  DATETIME: 'DATETIME',
  TIMESTAMP: 'TIMESTAMP',
  TIME: 'TIME',
  BOOL: 'BOOL',
}

/** How a value of each type begins in a condition. */
const VALUES: Readonly<Record<string, RegExp>> = {
  DATE: /^(?:DATE|CURRENT_DATE|DATE_SUB|DATE_ADD)$/i,
  DATETIME: /^(?:DATETIME|CURRENT_DATETIME|DATETIME_SUB|DATETIME_ADD)$/i,
  TIMESTAMP: /^(?:TIMESTAMP|CURRENT_TIMESTAMP|TIMESTAMP_SUB|TIMESTAMP_ADD)$/i,
  TIME: /^(?:TIME|CURRENT_TIME)$/i,
  BOOL: /^(?:TRUE|FALSE)$/i,
}
const NUMBER = /^\d/
const OPERATORS = /^(?:<|>|<=|>=|=|!=|<>|\+|-|\*|\/|BETWEEN|IN|NOT|\(|AND)$/i

/** Returns the corrected condition as a suggestion, for a refusal that a cast of a column lifts; else nothing. */
export function castAdvice(where: string, reason: string, fields: readonly SourceField[]): string[] {
  if (NOT_BOOL.test(reason))
    return corrected(
      where,
      cast(where, 'BOOL', fields, () => false),
    )
  const types: string[] = NO_SIGNATURE.exec(reason)?.[1]?.match(/[A-Z]+\d*/g) ?? []
  const other = types.find((type) => type !== 'STRING' && CASTS[type] !== undefined)
  if (!types.includes('STRING') || other === undefined) return []
  const isValue = (token: string): boolean => (VALUES[other] ?? NUMBER).test(token)
  const withCasts = corrected(where, cast(where, CASTS[other]!, fields, isValue))
  if (withCasts.length > 0) return withCasts
  const withoutQuotes = corrected(where, unquoted(where, fields))
  if (withoutQuotes.length > 0) return withoutQuotes
  const named = columnsIn(where, fields)
  return named.map((name) => `--where "… SAFE_CAST(${name} AS ${CASTS[other]!}) …"`)
}

/** Returns the condition with SAFE_CAST for CAST, for a row whose text is no number or date. */
export function safeCastAdvice(where: string, reason: string): string[] {
  const isCast =
    /\bBad (?:int64|double|numeric|bool|float) value\b|\bInvalid (?:date|datetime|time|timestamp|NUMERIC)\b|Could not (?:cast|convert)/i
  // The values of a file outside BigQuery do not fit its columns, whatever the filter is.
  if (!isCast.test(reason) || reason.startsWith('Error while reading table: ')) return []
  return corrected(
    where,
    tokensOf(where)
      .map((token) => (/^CAST$/i.test(token) ? 'SAFE_CAST' : token))
      .join(''),
  )
}

/** BigQuery's words for a keyword where a name should be (google/zetasql, `parser/parser_internal.cc`). */
const KEYWORD = /^Syntax error: Unexpected keyword (\w+)/i

/** Returns the condition with backticks around a column whose name is a keyword: `at`, `order`, `end`. */
export function keywordAdvice(where: string, reason: string, fields: readonly SourceField[]): string[] {
  const keyword = KEYWORD.exec(reason)?.[1]?.toLowerCase()
  const tokens = tokensOf(where)
  const has = (word: string): boolean => tokens.some((token) => token.toLowerCase() === word)
  const isColumn = fields.some(({ name }) => name?.toLowerCase() === keyword)
  // In CASE … END the same word is no column.
  if (keyword === undefined || !isColumn || has('case')) return []
  return corrected(where, tokens.map((token) => (token.toLowerCase() === keyword ? `\`${token}\`` : token)).join(''))
}

function corrected(where: string, better: string): string[] {
  return better === where ? [] : [`--where ${shellWord(better)}`]
}

const nameOf = (token: string): string => token.replaceAll('`', '').toLowerCase()

function ofType(fields: readonly SourceField[], types: readonly string[]): Set<string> {
  return new Set(
    fields
      .filter(({ type = '', mode }) => types.includes(type) && mode !== 'REPEATED')
      .map(({ name = '' }) => name.toLowerCase()),
  )
}

function columnsIn(where: string, fields: readonly SourceField[]): string[] {
  const texts = ofType(fields, ['STRING'])
  return [...new Set(tokensOf(where).filter((token) => texts.has(nameOf(token))))]
}

/** Puts a cast around each column of texts that is beside a value of another type, in the words around it. */
function cast(
  where: string,
  type: string,
  fields: readonly SourceField[],
  isValue: (token: string) => boolean,
): string {
  const texts = ofType(fields, ['STRING'])
  const tokens = tokensOf(where)
  const words = tokens
    .map((token, index) => ({ token, index }))
    .filter(({ token }) => token.trim() !== '' && !COMMENT.test(token))
  const isAlone = words.filter(({ token }) => !/^[()]$/.test(token)).length === 1
  for (const [place, { token, index }] of words.entries()) {
    const isColumn = texts.has(nameOf(token)) && words[place - 1]?.token !== '.' && words[place + 1]?.token !== '('
    const isCast = /^AS$/i.test(words[place + 1]?.token ?? '')
    if (!isColumn || isCast) continue
    const after = words.slice(place + 1, place + 5).map((word) => word.token)
    const before = words
      .slice(0, place)
      .map((word) => word.token)
      .toReversed()
    if (isAlone || meets(after, isValue) || follows(before, isValue)) tokens[index] = `SAFE_CAST(${token} AS ${type})`
  }
  return tokens.join('')
}

/** Whether operators, and then such a value, follow. */
function meets(after: readonly string[], isValue: (token: string) => boolean): boolean {
  const first = after.findIndex((token) => !OPERATORS.test(token))
  return first > 0 && !/^AND$/i.test(after[0]!) && isValue(after[first]!)
}

/** Whether such a value, and then an operator, come before, from the nearest word. Only the AND of a BETWEEN compares. */
function follows(
  [operator = '', value = '', outer = '']: readonly string[],
  isValue: (token: string) => boolean,
): boolean {
  return OPERATORS.test(operator) && isValue(value) && (!/^AND$/i.test(operator) || /^BETWEEN$/i.test(outer))
}

/** Takes the quotes from numbers that are compared with a column of numbers. */
function unquoted(where: string, fields: readonly SourceField[]): string {
  const numbers = ofType(fields, ['INTEGER', 'INT64', 'FLOAT', 'FLOAT64', 'NUMERIC', 'BIGNUMERIC'])
  let isNumber = false
  let isBetween = false
  return tokensOf(where)
    .map((token) => {
      if (numbers.has(nameOf(token))) isNumber = true
      else if (/^BETWEEN$/i.test(token)) isBetween = true
      else if (/^(?:AND|OR)$/i.test(token)) {
        isNumber &&= isBetween
        isBetween = false
      }
      return isNumber && /^(['"])-?\d+(?:\.\d+)?\1$/.test(token) ? token.slice(1, -1) : token
    })
    .join('')
}
