const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** `12,345` */
export function count(value: number): string {
  return WHOLE.format(value)
}

/** `12.3K`, for where there is no room for {@link count}. */
export function shortCount(value: number): string {
  return value < 10_000 ? WHOLE.format(value) : COMPACT.format(value)
}

/** A noun with its number: `1 row`, `2,000 rows`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** At most 4 significant digits, without an exponent where it is readable without: `0.01234`, `1,235`, `1.2e-7`. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return WHOLE.format(value)
  const size = Math.abs(value)
  if (size >= 1e15 || size < 1e-6) return value.toExponential(2).replace('e+', 'e')
  return new Intl.NumberFormat('en-US', {
    maximumSignificantDigits: size >= 1000 ? Math.ceil(Math.log10(size)) + 1 : 4,
  }).format(value)
}

/** `37%`; `0.4%` below 1 %, and never 0 % or 100 % for a part that is neither. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–'
  return percentOf(part / whole)
}

export function percentOf(share: number): string {
  if (share === 0 || share === 1) return `${share * 100}%`
  const value = share * 100
  if (value < 0.1) return '<0.1%'
  if (value > 99.9) return '>99.9%'
  return `${value < 10 || value > 99 ? value.toFixed(1) : value.toFixed(0)}%`
}

/** US dollars with cents, or with 2 significant digits below a cent: `$12.30`, `$0.00041`. */
export function usd(value: number): string {
  if (value === 0) return '$0'
  const digits = Math.abs(value) >= 0.01 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(Math.abs(value))))
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`
}

/** `840 ms`, `3.2 s`, `2 min 5 s`, `3 h 12 min`. */
export function duration(milliseconds: number): string {
  const whole = Math.round(milliseconds)
  if (whole < 1000) return `${whole} ms`
  if (whole < 9950) return `${(whole / 1000).toFixed(1)} s`
  const seconds = Math.round(whole / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
