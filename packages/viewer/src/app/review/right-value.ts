import type { Value, ViewedColumn } from '../../contract/columns.ts'

export type Parsed = { value: Value } | { fault: string }

const INTEGER = /^[+-]?\d+$/

/** Reads what a reviewer typed, as a value of the column; or says what is wrong with it. */
export function parseRightValue(text: string, column: Pick<ViewedColumn, 'kind' | 'is_integer' | 'allowed'>): Parsed {
  const plain = text.trim()
  switch (column.kind) {
    case 'number': {
      const number = Number(plain)
      if (plain === '' || !Number.isFinite(number)) return { fault: 'Enter a number, such as 12.5.' }
      if (!column.is_integer) return { value: number }
      if (!INTEGER.test(plain)) return { fault: 'Enter a whole number.' }
      return { value: Number.isSafeInteger(number) ? number : plain.replace(/^\+/, '') }
    }
    case 'time': {
      const time = Date.parse(plain)
      if (Number.isNaN(time)) return { fault: 'Enter a time, such as 2026-03-14T09:26:00Z.' }
      return { value: new Date(time).toISOString() }
    }
    case 'boolean':
      if (plain !== 'true' && plain !== 'false') return { fault: 'Choose true or false.' }
      return { value: plain === 'true' }
    case 'enum':
      if (column.allowed !== null && !column.allowed.includes(text)) return { fault: 'Choose one of the values.' }
      return { value: text }
    case 'text':
      return { value: text }
    case 'other':
      try {
        return { value: JSON.parse(plain) as Value }
      } catch {
        return { fault: 'Enter JSON, such as ["a", "b"].' }
      }
  }
}

/** As {@link parseRightValue}, for an answer that is wrong: the right value is another one. */
export function parseOtherValue(
  text: string,
  column: Pick<ViewedColumn, 'kind' | 'is_integer' | 'allowed'>,
  wrong: Value | undefined,
): Parsed {
  const parsed = parseRightValue(text, column)
  if ('fault' in parsed || JSON.stringify(parsed.value) !== JSON.stringify(wrong)) return parsed
  return { fault: 'This is the value that you marked as wrong. Change it, or press Escape.' }
}

/** What an editor begins with. */
export function editableText(value: Value | undefined): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
