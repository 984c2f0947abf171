import type { JudgedKind, NamedRows } from '../../contracts/evaluation.ts'

/** The examples of rows, and how many more there are. */
export const listed = ({ count, examples }: NamedRows): string =>
  `${examples.join(', ')}${count > examples.length ? ` and ${(count - examples.length).toLocaleString('en')} more` : ''}`

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
  const assets = unreadable.count === 1 ? '1 asset' : `${unreadable.count.toLocaleString('en')} assets`
  return `${source} has a value of ${header} that is not ${KINDS[kind]} for ${assets}, which does not count: ${listed(unreadable)}`
}
