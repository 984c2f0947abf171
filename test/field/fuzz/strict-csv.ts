/**
 * Reads CSV text by RFC 4180, letter by letter: a quote opens a value only at its start, and ends it only before a
 * separator or a line end. Empty lines, and empty values behind a row's end, are skipped. Returns undefined for anything else.
 */
export function strictRows(text: string, delimiter: string): string[][] | undefined {
  const body = text.replace(/^sep=.\r?\n/, '')
  const rows: string[][] = []
  let row: string[] = []
  let at = 0
  while (at < body.length) {
    const value = body[at] === '"' ? quotedValue(body, at) : plainValue(body, at, delimiter)
    if (value === undefined) return undefined
    row.push(value.text)
    at = value.end
    if (at < body.length && body[at] === delimiter) {
      at += 1
      // A separator at the end of the text has an empty value behind it.
      if (at === body.length) row.push('')
      else continue
    } else if (at < body.length && !isEnd(body[at]!)) return undefined
    at += body.startsWith('\r\n', at) ? 2 : 1
    if (row.length > 1 || row[0] !== '' || value.isQuoted) rows.push(row)
    row = []
  }
  const columns = rows[0]?.length ?? 0
  const whole = rows.map((cells) =>
    cells.slice(columns).every((cell) => cell === '') ? cells.slice(0, columns) : cells,
  )
  return whole.every(({ length }) => length === columns) ? whole : undefined
}

const isEnd = (letter: string): boolean => letter === '\n' || letter === '\r'

interface Value {
  text: string
  end: number
  isQuoted: boolean
}

function quotedValue(body: string, start: number): Value | undefined {
  let text = ''
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] !== '"') text += body[at]
    else if (body[at + 1] === '"') {
      text += '"'
      at += 1
    } else return { text, end: at + 1, isQuoted: true }
  }
  return undefined
}

function plainValue(body: string, start: number, delimiter: string): Value | undefined {
  let end = start
  while (end < body.length && body[end] !== delimiter && !isEnd(body[end]!)) {
    if (body[end] === '"') return undefined
    end += 1
  }
  return { text: body.slice(start, end), end, isQuoted: false }
}
