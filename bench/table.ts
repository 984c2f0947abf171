/** Rows as a table for a terminal: columns by name, numbers to the right. */
export function printTable(title: string, rows: readonly Record<string, string | number>[]): void {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const cells = rows.map((row) => names.map((name) => cellText(row[name])))
  const widths = names.map((name, column) => Math.max(name.length, ...cells.map((row) => row[column]!.length)))
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  console.log(`\n${title}\n`)
  for (const text of [names, ...cells]) console.log(`  ${line(text)}`)
}

function cellText(value: string | number | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** The middle value; of an even number, the lower one of the two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted[Math.floor((sorted.length - 1) / 2)]
  if (middle === undefined) throw new RangeError('the median of nothing')
  return middle
}
