import {
  EPOCH,
  MONTH_NAMES,
  PLAIN_TIME,
  TEN_DIGITS,
  TIME_FORMS,
  TWELVE_DIGITS,
  YEAR_LAST,
} from '../../contracts/time-forms.ts'

/** How to convert a column of times to TIMESTAMP: `number` is an INT64 or NUMERIC, `other` a DATE or DATETIME. */
export type TimeKind = 'timestamp' | 'other' | 'text' | 'number' | 'float' | 'json' | 'absent'

/** Kinds whose values can be unreadable. */
const READ_AS_TEXT: ReadonlySet<TimeKind> = new Set(['text', 'number', 'float', 'json'])

export function isReadAsText(kind: TimeKind): boolean {
  return READ_AS_TEXT.has(kind)
}

/** A column of times as TIMESTAMP or, if `isReadAsText`, as the text that `rewrittenTime` takes. */
export function timeExpression(column: string, kind: TimeKind): string {
  switch (kind) {
    case 'timestamp':
      return column
    case 'other':
      return `SAFE_CAST(CAST(${column} AS STRING) AS TIMESTAMP)`
    case 'text':
    case 'number':
      return trimmed(`CAST(${column} AS STRING)`)
    case 'float':
      // A FLOAT64 as text can have an exponent.
      return trimmed(`CAST(SAFE_CAST(${column} AS NUMERIC) AS STRING)`)
    case 'json':
      return trimmed(`JSON_VALUE(${column})`)
    case 'absent':
      return 'CAST(NULL AS TIMESTAMP)'
  }
}

function trimmed(text: string): string {
  return `NULLIF(TRIM(${text}), '')`
}

const matches = (text: string, pattern: string): string => `REGEXP_CONTAINS(${text}, r'(?i)${pattern}')`
const replaced = (text: string, pattern: string, by: string): string =>
  `REGEXP_REPLACE(${text}, r'(?i)${pattern}', r'${by}')`

/** A text in the plain form, if it has another one that `TIME_FORMS` knows. */
export function rewrittenTime(text: string): string {
  const forms = TIME_FORMS.map(
    ({ pattern, plain }) => `WHEN ${matches(text, pattern)} THEN ${replaced(text, pattern, plain)}`,
  )
  const unread = `WHEN ${matches(text, YEAR_LAST)} OR ${matches(text, TEN_DIGITS)} THEN NULL`
  const epoch = `WHEN ${matches(text, EPOCH)} AND NOT ${matches(text, TWELVE_DIGITS)} THEN ${text}`
  return `CASE
      ${[unread, epoch, ...forms].join('\n      ')}
      ELSE ${text}
    END`
}

/** The nine groups of `PLAIN_TIME` in a text that `rewrittenTime` made, or NULL. */
export function timeParts(text: string): string {
  const groups = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((group) => `\\${group}`).join('|')
  return `IF(${matches(text, PLAIN_TIME)}, SPLIT(${replaced(text, PLAIN_TIME, groups)}, '|'), NULL)`
}

/**
 * The TIMESTAMP of a text that `rewrittenTime` made, or NULL. `readTime` in src/services/source/time-text.ts does the
 * same.
 *
 * @param parts its `timeParts`
 */
export function readTime(text: string, parts: string): string {
  return `CASE
      WHEN ${matches(text, EPOCH)} THEN ${sinceEpoch(text)}
      ELSE SAFE_CAST(${canonical(parts)} AS TIMESTAMP)
    END`
}

/** A plain time as BigQuery reads it (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#canonical_format_for_timestamp_literals). */
function canonical(parts: string): string {
  const part = (group: number): string => `${parts}[SAFE_OFFSET(${group - 1})]`
  const month = `IFNULL(SAFE_CAST(${part(2)} AS INT64), DIV(STRPOS('${MONTH_NAMES}', CONCAT(' ', LOWER(${part(2)}))) + 3, 4))`
  const hour = `SAFE_CAST(${part(4)} AS INT64)`
  const half = `LOWER(${part(8)})`
  // An hour that half a day does not have becomes one that no day has.
  const halfHour = `IF(${hour} BETWEEN 1 AND 12, MOD(${hour}, 12) + IF(${half} = 'p', 12, 0), 24)`
  const zone = `REGEXP_REPLACE(REGEXP_REPLACE(${part(9)}, r'[A-Za-z]', ''), r'^([+-]\\d{1,2}):?(\\d{2})$', r'\\1:\\2')`
  return `CONCAT(
        ${part(1)}, '-', CAST(${month} AS STRING), '-', ${part(3)}, ' ',
        CAST(IF(${half} = '', IFNULL(${hour}, 0), ${halfHour}) AS STRING), ':',
        IFNULL(NULLIF(${part(5)}, ''), '0'), ':', IFNULL(NULLIF(${part(6)}, ''), '0'),
        '.', RPAD(SUBSTR(${part(7)}, 1, 6), 6, '0'),
        ${zone}
      )`
}

/** The number of digits before the point says which unit it counts. */
function sinceEpoch(text: string): string {
  const whole = String.raw`REGEXP_EXTRACT(${text}, r'^\d+')`
  // NUMERIC has 9 digits behind the point.
  const number = String.raw`SAFE_CAST(REGEXP_EXTRACT(${text}, r'^\d+(?:\.\d{1,9})?') AS NUMERIC)`
  const micros = `CASE
        WHEN LENGTH(${whole}) <= 10 THEN ${number} * 1000000
        WHEN LENGTH(${whole}) <= 13 THEN ${number} * 1000
        WHEN LENGTH(${whole}) <= 16 THEN ${number}
        ELSE ${number} / 1000
      END`
  return `TIMESTAMP_MICROS(CAST(FLOOR(${micros}) AS INT64))`
}
