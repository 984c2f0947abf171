import { quote, typed, type Place, type Typed } from '../analysis.ts'
import { coerce } from '../coercion.ts'
import { concatenate, ITEM_BYTES } from '../analyze-operators.ts'
import { bounded, once } from '../bounds.ts'
import { SqlFailure, unsupported } from '../failure.ts'
import type { Call } from '../syntax.ts'
import { arrayOf, BOOL, BYTES, INT64, STRING } from '../types.ts'
import { passing, signature, type PlainFunctions, type SpecialFunctions } from './signature.ts'

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/string_functions and hash_functions */
export const strings: PlainFunctions = {
  STARTS_WITH: [signature([STRING, STRING], BOOL, passing('starts_with'))],
  ENDS_WITH: [signature([STRING, STRING], BOOL, passing('suffix'))],
  STRPOS: [signature([STRING, STRING], INT64, passing('instr'))],
  LENGTH: [signature([STRING], INT64, passing('length')), signature([BYTES], INT64, passing('octet_length'))],
  CHAR_LENGTH: [signature([STRING], INT64, passing('length'))],
  CHARACTER_LENGTH: [signature([STRING], INT64, passing('length'))],
  BYTE_LENGTH: [
    signature([STRING], INT64, ([text]) => `octet_length(encode(${text}))`),
    signature([BYTES], INT64, passing('octet_length')),
  ],
  OCTET_LENGTH: [
    signature([STRING], INT64, ([text]) => `octet_length(encode(${text}))`),
    signature([BYTES], INT64, passing('octet_length')),
  ],
  LOWER: [signature([STRING], STRING, passing('bq_lower'))],
  UPPER: [signature([STRING], STRING, passing('bq_upper'))],
  TRIM: [signature([STRING], STRING, passing('bq_trim')), signature([STRING, STRING], STRING, passing('bq_trim_set'))],
  LTRIM: [
    signature([STRING], STRING, passing('bq_ltrim')),
    signature([STRING, STRING], STRING, passing('bq_ltrim_set')),
  ],
  RTRIM: [
    signature([STRING], STRING, passing('bq_rtrim')),
    signature([STRING, STRING], STRING, passing('bq_rtrim_set')),
  ],
  REPLACE: [signature([STRING, STRING, STRING], STRING, passing('bq_replace'))],
  REVERSE: [signature([STRING], STRING, passing('bq_reverse'))],
  REPEAT: [signature([STRING, INT64], STRING, passing('bq_repeat'))],
  LEFT: [signature([STRING, INT64], STRING, ([text, count]) => `bq_substr(${text}, CAST(1 AS BIGINT), ${count})`)],
  RIGHT: [signature([STRING, INT64], STRING, passing('bq_right'))],
  SUBSTR: [
    signature(
      [STRING, INT64],
      STRING,
      ([text, from]) => `bq_substr(${text}, ${from}, CAST(9223372036854775807 AS BIGINT))`,
    ),
    signature([STRING, INT64, INT64], STRING, passing('bq_substr')),
  ],
  SUBSTRING: [
    signature(
      [STRING, INT64],
      STRING,
      ([text, from]) => `bq_substr(${text}, ${from}, CAST(9223372036854775807 AS BIGINT))`,
    ),
    signature([STRING, INT64, INT64], STRING, passing('bq_substr')),
  ],
  LPAD: [
    signature([STRING, INT64], STRING, ([text, length]) => `bq_lpad(${text}, ${length}, ' ')`),
    signature([STRING, INT64, STRING], STRING, passing('bq_lpad')),
  ],
  RPAD: [
    signature([STRING, INT64], STRING, ([text, length]) => `bq_rpad(${text}, ${length}, ' ')`),
    signature([STRING, INT64, STRING], STRING, passing('bq_rpad')),
  ],
  SPLIT: [
    signature([STRING], arrayOf(STRING), ([text]) => split(text!, "','")),
    signature([STRING, STRING], arrayOf(STRING), ([text, delimiter]) => split(text!, delimiter!)),
  ],
  REGEXP_CONTAINS: [signature([STRING, STRING], BOOL, passing('regexp_matches'))],
  FARM_FINGERPRINT: [
    signature([STRING], INT64, passing('bq_farm_string')),
    signature([BYTES], INT64, passing('bq_farm_bytes')),
  ],
  MD5: [hash('md5', STRING), hash('md5', BYTES)],
  SHA1: [hash('sha1', STRING), hash('sha1', BYTES)],
  SHA256: [hash('sha256', STRING), hash('sha256', BYTES)],
  TO_HEX: [signature([BYTES], STRING, ([bytes]) => `lower(hex(${bytes}))`)],
  FROM_HEX: [signature([STRING], BYTES, passing('bq_from_hex'))],
  TO_BASE64: [signature([BYTES], STRING, passing('base64'))],
}

/** Each character may become an element. */
function split(value: string, by: string): string {
  return once([value, by], (text, delimiter) => {
    const parts = `CASE WHEN ${delimiter} = '' THEN strlen(${text}) ELSE (strlen(${text}) - strlen(replace(${text}, ${delimiter}, ''))) // strlen(${delimiter}) END`
    return bounded(
      `string_split(${text}, ${delimiter})`,
      `strlen(${text}) * ${ITEM_BYTES}`,
      `strlen(${text}) + (${parts}) * ${ITEM_BYTES}`,
    )
  })
}

function hash(name: string, type: typeof STRING): ReturnType<typeof signature> {
  return signature([type], BYTES, ([value]) => `unhex(${name}(${type === STRING ? `encode(${value})` : value}))`)
}

export const stringSpecials: SpecialFunctions = {
  CONCAT: (call, at, place) => {
    const parts = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
    if (parts.length === 0) throw new SqlFailure('No matching signature for function CONCAT with no arguments', at)
    return concatenate(parts, 'function CONCAT', at)
  },
  REGEXP_EXTRACT: (call, at, place) => {
    const [text, pattern, ...others] = strings2(call, at, place)
    if (others.length > 0) throw unsupported('REGEXP_EXTRACT with a position', at)
    if (text.volatile) throw unsupported('REGEXP_EXTRACT of an expression that differs with each evaluation', at)
    const groups = capturingGroups(constantText(pattern, 'REGEXP_EXTRACT'))
    if (groups === 1 && mayBeUnset(constantText(pattern, 'REGEXP_EXTRACT'))) {
      // BigQuery answers NULL for a group that took no part in the match, DuckDB an empty string.
      throw unsupported('REGEXP_EXTRACT with an optional capturing group', pattern.at)
    }
    if (groups > 1)
      throw new SqlFailure(
        'Regular expressions passed into extraction functions must not have more than 1 capturing group',
        at,
      )
    const sql = once(
      [text.sql],
      (value) =>
        `CASE WHEN regexp_matches(${value}, ${pattern.sql}) THEN regexp_extract(${value}, ${pattern.sql}, ${groups}) END`,
    )
    return typed(sql, STRING, at, [text, pattern])
  },
  REGEXP_EXTRACT_ALL: (call, at, place) => {
    const [text, pattern] = strings2(call, at, place)
    const groups = capturingGroups(constantText(pattern, 'REGEXP_EXTRACT_ALL'))
    if (groups > 1)
      throw new SqlFailure(
        'Regular expressions passed into extraction functions must not have more than 1 capturing group',
        at,
      )
    const sql = once([text.sql], (value) =>
      bounded(`regexp_extract_all(${value}, ${pattern.sql}, ${groups})`, `strlen(${value}) * ${ITEM_BYTES + 1}`),
    )
    return typed(sql, arrayOf(STRING), at, [text, pattern])
  },
  REGEXP_REPLACE: (call, at, place) => {
    const [text, pattern, replacement] = strings2(call, at, place)
    if (!replacement) throw new SqlFailure('No matching signature for function REGEXP_REPLACE', at)
    const written = constantText(replacement, 'REGEXP_REPLACE')
    if (/\\[^\d\\]|\\$/.test(written.replaceAll('\\\\', ''))) throw new SqlFailure('Invalid REGEXP_REPLACE pattern', at)
    // A match at every character, each replaced by the written text and by the matched parts that it names.
    const named = written.match(/\\\d/g)?.length ?? 0
    const sql = once([text.sql], (value) =>
      bounded(
        `regexp_replace(${value}, ${pattern.sql}, ${quote(written)}, 'g')`,
        `strlen(${value}) * ${1 + named} + (strlen(${value}) + 1) * ${Buffer.byteLength(written)}`,
      ),
    )
    return typed(sql, STRING, at, [text, pattern])
  },
}

function strings2(call: Call, at: number, place: Place): [Typed, Typed, ...Typed[]] {
  const args = call.args.map((arg) => place.analysis.rules.expression(arg.value, place))
  const [text, pattern, ...others] = args.map((arg) => coerce(arg, STRING))
  if (!text || !pattern || others.includes(undefined)) {
    throw new SqlFailure(`No matching signature for function ${call.name}`, at)
  }
  return [text, pattern, ...(others as Typed[])]
}

function constantText(value: Typed, name: string): string {
  if (value.literal?.type !== 'STRING')
    throw unsupported(`${name} with a pattern that is not a literal or a parameter`, value.at)
  return value.literal.value
}

/** The pattern with an x for each quoted text, escape and class: without them, `([+-]?x)` would begin like `(?`. */
function structure(pattern: string): string {
  return pattern
    .replaceAll(/\\Q[\s\S]*?(\\E|$)/g, 'x')
    .replaceAll(/\\[\s\S]/g, 'x')
    .replaceAll(/\[\^?\]?(?:\[:[a-z^]+:\]|[^\]])*\]/g, 'x')
}

/** Whether the one capturing group may take no part in a match. */
function mayBeUnset(pattern: string): boolean {
  const plain = structure(pattern)
  const open = plain.search(/\((?!\?)|\(\?P?</)
  let depth = 0
  let close = open
  do {
    depth += plain[close] === '(' ? 1 : plain[close] === ')' ? -1 : 0
    close += 1
  } while (depth > 0 && close < plain.length)
  const outside = `${plain.slice(0, open)}()${plain.slice(close)}`
  return outside.includes('|') || /\)[?*{]/.test(outside)
}

/** Counts `(` that capture in an RE2 pattern. */
function capturingGroups(pattern: string): number {
  return (structure(pattern).match(/\((?!\?)|\(\?P?</g) ?? []).length
}
