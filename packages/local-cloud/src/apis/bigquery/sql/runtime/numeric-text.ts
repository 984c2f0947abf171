/**
 * NUMERIC and BIGNUMERIC as text and as scaled integers.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types
 */
const SCALES = { NUMERIC: 9, BIGNUMERIC: 38 } as const
const LIMITS = { NUMERIC: 10n ** 38n, BIGNUMERIC: 2n ** 255n } as const

export type DecimalName = keyof typeof SCALES

const MAX_CHARACTERS = 20_000

const DECIMAL = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?\s*$/

/** The value times 10^scale, rounded half away from zero; undefined when the text is not a number of the type's range. */
export function scaledDecimal(text: string, name: DecimalName): bigint | undefined {
  // More digits than any exponent can bring into the range.
  const match = text.length > MAX_CHARACTERS ? undefined : DECIMAL.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const shift = SCALES[name] - fraction.length + Number(exponentText)
  const digits = BigInt(whole + fraction)
  const magnitude = shift >= 0 ? digits * 10n ** BigInt(shift) : roundedQuotient(digits, 10n ** BigInt(-shift))
  return magnitude < LIMITS[name] ? (sign === '-' ? -magnitude : magnitude) : undefined
}

/** Division of non-negative integers, half rounded up. */
function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  return (dividend * 2n + divisor) / (divisor * 2n)
}

/** Half away from zero, for either sign. */
export function dividedRounded(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n
  const magnitude = roundedQuotient(dividend < 0n ? -dividend : dividend, divisor < 0n ? -divisor : divisor)
  return negative ? -magnitude : magnitude
}

/** BigQuery's text: no trailing zeros, no exponent. */
export function decimalText(scaled: bigint, name: DecimalName): string {
  const negative = scaled < 0n
  const digits = String(negative ? -scaled : scaled).padStart(SCALES[name] + 1, '0')
  const whole = digits.slice(0, -SCALES[name])
  const fraction = digits.slice(-SCALES[name]).replace(/0+$/, '')
  return `${negative ? '-' : ''}${whole}${fraction ? `.${fraction}` : ''}`
}

/** The canonical text of a decimal, or undefined. */
export function parseNumeric(text: string, name: DecimalName): string | undefined {
  const scaled = scaledDecimal(text, name)
  return scaled === undefined ? undefined : decimalText(scaled, name)
}

const SCALE_FACTOR = 10n ** 9n

/** Exact NUMERIC arithmetic on canonical texts. */
export function numericProduct(left: string, right: string): string {
  const product = dividedRounded(scaledDecimal(left, 'NUMERIC')! * scaledDecimal(right, 'NUMERIC')!, SCALE_FACTOR)
  return checkedNumeric(product, `${left} * ${right}`)
}

export function numericQuotient(left: string, right: string): string {
  const divisor = scaledDecimal(right, 'NUMERIC')!
  if (divisor === 0n) throw new Error(`bq:division by zero: ${parseNumeric(left, 'NUMERIC')} / 0`)
  return checkedNumeric(dividedRounded(scaledDecimal(left, 'NUMERIC')! * SCALE_FACTOR, divisor), `${left} / ${right}`)
}

function checkedNumeric(scaled: bigint, what: string): string {
  const limit = LIMITS.NUMERIC
  if (scaled >= limit || scaled <= -limit) throw new Error(`bq:numeric overflow: ${what}`)
  return decimalText(scaled, 'NUMERIC')
}
