import type { JudgedKind, NamedRows } from '../../contracts/evaluation.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import type { AnswerColumn } from './columns.ts'
import { isSame, twinForms } from './values.ts'
import { counted, countText } from '../../contracts/count-text.ts'

/** The examples of rows, and how many more there are. */
export const listed = ({ count, examples }: NamedRows): string =>
  `${examples.join(', ')}${count > examples.length ? ` and ${countText(count - examples.length)} more` : ''}`

/** What a value of a kind of column is. */
const KINDS: Readonly<Record<JudgedKind, string>> = {
  number: 'a number',
  boolean: 'true or false',
  enum: 'one text',
  text: 'one text',
  other: 'a list',
}

/** Says that values of the truth do not count, because a column cannot have them. */
export function unreadableText(of: {
  source: string
  /** The column of the truth. */
  header: string
  kind: JudgedKind
  unreadable: NamedRows
}): string {
  const { source, header, kind, unreadable } = of
  const assets = counted(unreadable.count, 'asset')
  return `${source} has a value of ${header} that is not ${KINDS[kind]} for ${assets}, which does not count: ${listed(unreadable)}`
}

/**
 * Says that true values are not among those that a profile allows; nothing if all are.
 *
 * @param truth how many units have each value
 * @param whose the profile, and the answers that cannot be right
 */
export function notAllowedText(
  column: Pick<AnswerColumn, 'name' | 'allowed'>,
  truth: Iterable<readonly [value: string, units: number]>,
  whose: { profile: string; answer: string } = { profile: 'the profile', answer: 'no answer' },
): string[] {
  const { name, allowed } = column
  if (allowed === null) return []
  const twins = twinForms(column)
  const unknown = [...truth].filter(([value]) => !allowed.some((each) => isSame(each, value, twins)))
  if (unknown.length === 0) return []
  const named = unknown.map(([value, units]) => {
    const near = nearestName(value, allowed)
    return `${value} (${countText(units)}${near === undefined ? '' : `; ${near}?`})`
  })
  return [
    `The truth has values of ${name} that ${whose.profile} does not allow, so ${whose.answer} can be right: ${named.join(', ')}`,
  ]
}
