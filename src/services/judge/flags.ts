import { ImageryError } from '../../contracts/errors.ts'
import type { AnswerColumn } from './columns.ts'
import type { Tolerance } from './number-errors.ts'
import { answerNamed, refuseList } from './truth-columns.ts'

/** What `--tolerance` and `--min-accuracy` say, by column. */
export interface JudgeFlags {
  tolerance?: readonly string[] | undefined
  minAccuracy?: readonly string[] | undefined
}

const DECIMAL = /^(?:\d+\.?\d*|\.\d+)$/

/** Reads `0.5` and `5%`; undefined for anything else. A percentage is shifted as text: 99.9 / 100 is a little more than 0.999. */
function amountIn(text: string): { amount: number; isShare: boolean } | undefined {
  const isShare = text.endsWith('%')
  const digits = isShare ? text.slice(0, -1).trim() : text
  return DECIMAL.test(digits) ? { amount: Number(isShare ? `${digits}e-2` : digits), isShare } : undefined
}

/** Reads `COLUMN=0.5` and `COLUMN=5%`. @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND */
export function tolerancesOf(given: readonly string[], columns: readonly AnswerColumn[]): Map<string, Tolerance> {
  return byColumn(
    '--tolerance',
    given,
    columns,
    'like 0.5, or like 5% for a share of the true value',
    (text, { name, kind }) => {
      if (kind !== 'number') {
        throw new ImageryError('INVALID_FLAG', `--tolerance ${name}: the column holds ${kindText(kind)}, not numbers`, {
          suggestions: columns
            .filter((each) => each.kind === 'number')
            .map((each) => `--tolerance ${each.name}=${text}`),
        })
      }
      return amountIn(text)
    },
  )
}

/**
 * Reads `COLUMN=0.9` and `COLUMN=90%`.
 *
 * @param judged the columns that the truth has
 * @throws ImageryError INVALID_FLAG, COLUMN_NOT_FOUND
 */
export function minimumsOf(
  given: readonly string[],
  columns: readonly AnswerColumn[],
  judged: readonly AnswerColumn[],
): Map<string, number> {
  return byColumn('--min-accuracy', given, columns, 'from 0 to 1, or from 0% to 100%', (text, column) => {
    if (!judged.includes(column)) refuseList(column, '--min-accuracy')
    const value = amountIn(text)?.amount
    return value !== undefined && value <= 1 ? value : undefined
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
