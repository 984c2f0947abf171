import type { ColumnKind } from './columns.ts'

/**
 * Returns the number that a value of a `number` or a `time` column has in a chart: itself, or its milliseconds since 1970, with
 * its microseconds. NaN if it has none. Numbers that a double cannot hold come as text, and a DATETIME, which has no zone, counts as UTC.
 */
export function axisNumber(value: unknown, kind: ColumnKind): number {
  if (value === null || value === undefined) return Number.NaN
  return kind === 'time' ? timeNumber(String(value)) : Number(value)
}

function timeNumber(text: string): number {
  const [, whole = text, micros = ''] = /^(.*\.\d{3})(\d{1,3})\d*Z?$/.exec(text) ?? []
  const hasZone = /^\d{4}-\d\d-\d\d$/.test(text) || whole.endsWith('Z')
  return Date.parse(hasZone ? whole : `${whole.replace(' ', 'T')}Z`) + Number(micros.padEnd(3, '0')) / 1_000
}
