import { ImageryError } from '../../contracts/errors.ts'
import type { AnswerColumn } from './columns.ts'
import type { Tolerance } from './number-errors.ts'
import { answerNamed } from './truth-columns.ts'

/** What `--tolerance` and `--min-accuracy` say, by column. */
export interface JudgeFlags {
  tolerance?: readonly string[] | undefined
  minAccuracy?: readonly string[] | undefined
}

const DECIMAL = /^(?:\d+\.?\d*|\.\d+)$/

/** Reads `COLUMN=0.5` and `COLUMN=5%`. @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND */
export function tolerancesOf(given: readonly string[], columns: readonly AnswerColumn[]): Map<string, Tolerance> {
  return byColumn('--tolerance', given, columns, '0.5, or 5% of the true value', (text, { name, kind }) => {
    if (kind !== 'number') {
      throw new ImageryError('INVALID_FLAG', `--tolerance ${name}: the column holds ${kindText(kind)}, not numbers`, {
        suggestions: columns.filter((each) => each.kind === 'number').map((each) => `--tolerance ${each.name}=${text}`),
      })
    }
    const isShare = text.endsWith('%')
    const amount = isShare ? text.slice(0, -1).trim() : text
    return DECIMAL.test(amount) ? { amount: isShare ? Number(amount) / 100 : Number(amount), isShare } : undefined
  })
}

/** Reads `COLUMN=0.9` and `COLUMN=90%`. @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND */
export function minimumsOf(given: readonly string[], columns: readonly AnswerColumn[]): Map<string, number> {
  return byColumn('--min-accuracy', given, columns, 'from 0 to 1, or from 0% to 100%', (text) => {
    const isShare = text.endsWith('%')
    const amount = isShare ? text.slice(0, -1).trim() : text
    const value = Number(amount) / (isShare ? 100 : 1)
    return DECIMAL.test(amount) && value <= 1 ? value : undefined
  })
}

function kindText(kind: AnswerColumn['kind']): string {
  return kind === 'enum' || kind === 'text' ? 'texts' : kind === 'boolean' ? 'true or false' : 'lists'
}

function byColumn<Value>(
  flag: string,
  given: readonly string[],
  columns: readonly AnswerColumn[],
  form: string,
  read: (text: string, column: AnswerColumn) => Value | undefined,
): Map<string, Value> {
  const found = new Map<string, Value>()
  for (const each of given) {
    const at = each.lastIndexOf('=')
    const [name, text] = [each.slice(0, at).trim(), each.slice(at + 1).trim()]
    const example = columns.find(({ kind }) => flag !== '--tolerance' || kind === 'number')?.name ?? 'COLUMN'
    const wrong = (why: string): ImageryError =>
      new ImageryError('INVALID_FLAG', `${flag} ${each} ${why}`, {
        suggestions: [`${flag} ${name !== '' && at > 0 ? name : example}=${flag === '--tolerance' ? '0.5' : '0.9'}`],
      })
    if (at < 1 || name === '') throw wrong('does not have the form COLUMN=VALUE')
    const column = answerNamed(columns, name, flag)
    const value = read(text, column)
    if (value === undefined) throw wrong(`is not a value ${form}`)
    if (found.has(column.name)) throw wrong(`repeats the column ${column.name}`)
    found.set(column.name, value)
  }
  return found
}
