/**
 * FLOAT64 as text: 15 significant digits when they give the value back, else 17.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast_as_string
 */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return '0'
  const digits = [15, 16, 17].find((count) => Number(value.toPrecision(count)) === value) ?? 17
  return generalFormat(value, digits === 16 ? 17 : digits)
}

/** C's `%.{digits}g`. */
function generalFormat(value: number, digits: number): string {
  const [mantissa = '', exponentText = '0'] = value.toExponential(digits - 1).split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= digits) {
    const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
    const sign = exponent < 0 ? '-' : '+'
    return `${trimmed}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const fixed = value.toFixed(Math.max(0, digits - 1 - exponent))
  return fixed.includes('.') ? fixed.replace(/\.?0+$/, '') : fixed
}

const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/

/** CAST(STRING AS FLOAT64); undefined when the text is no number. */
export function parseFloat64(text: string): number | undefined {
  const trimmed = text.trim()
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(trimmed)
  if (special) {
    if (special[2]!.toLowerCase() === 'nan') return NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  const hexadecimal = /^([+-]?)(0x[0-9a-f]+)$/i.exec(trimmed)
  if (hexadecimal) return hexadecimal[1] === '-' ? -Number(hexadecimal[2]) : Number(hexadecimal[2])
  return FLOAT.test(trimmed) ? Number(trimmed) : undefined
}

const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)

/** CAST(STRING AS INT64): decimal or hexadecimal; undefined when the text is no INT64. */
export function parseInt64(text: string): bigint | undefined {
  const match = /^([+-]?)(?:0[xX]0*([0-9a-fA-F]{1,16})|0*(\d{1,19}))$/.exec(text.trim())
  if (!match) return undefined
  const magnitude = match[2] === undefined ? BigInt(match[3]!) : BigInt(`0x${match[2]}`)
  const value = match[1] === '-' ? -magnitude : magnitude
  return value <= MAX_INT64 && value >= MIN_INT64 ? value : undefined
}
