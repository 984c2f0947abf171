import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Column } from '../../src/contracts/columns.ts'
import { profile } from '../../src/contracts/run-spec.ts'
import { attemptColumns, resultColumns } from '../../src/contracts/tables.ts'
import { REVIEW_COLUMNS } from '../../src/services/results/reviews-table.ts'

const page = readFileSync(new URL('../../docs/columns.md', import.meta.url), 'utf8')

const ASKED = profile.parse({
  name: 'asked',
  description: 'Asked.',
  prompt: 'What?',
  output: { type: 'object', properties: { answer: { type: 'string' } } },
})
const KEPT: Column = { name: 'kept', type: 'STRING' }

/** The rows of the table below a heading. */
function rowsBelow(heading: string): { name: string; type: string; meaning: string; ifNull: string }[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(heading))!
  return section
    .split('\n')
    .filter((line) => /^\| [`*]/.test(line))
    .map((line) => {
      const [name = '', type = '', meaning = '', ifNull = ''] = line.slice(2, -2).split(' | ')
      return { name: name.replaceAll('`', ''), type, meaning, ifNull }
    })
}

function typeText({ type, mode, columns }: Column): string {
  const members = columns?.map((member) => `${member.name} ${typeText(member)}`).join(', ')
  const single = members === undefined ? type : `${type}<${members}>`
  if (mode === 'REPEATED') return `ARRAY<${single}>`
  return mode === 'REQUIRED' ? `${single}, required` : single
}

/** The columns as the page names them, each with its type unless the profile or the table decides it. */
function documented(columns: readonly Column[]): [name: string, type: string][] {
  return columns.map((column) => {
    if (column.name === 'answer') return ["*the profile's columns*", 'by the profile']
    if (column === KEPT) return ['*kept columns*', 'as in the table']
    return [column.name, typeText(column)]
  })
}

test.each([
  ['Results', resultColumns(ASKED, [KEPT])],
  ['Ledger', attemptColumns(ASKED)],
  ['Reviews', REVIEW_COLUMNS],
])(
  'the page has every column of the %s in order, with its type, its meaning and when it is null',
  (heading, columns) => {
    const rows = rowsBelow(heading)
    expect(rows.map(({ name, type }) => [name, type])).toEqual(documented(columns))
    for (const { name, meaning, ifNull } of rows) {
      expect(meaning, name).toMatch(/\w{2}/)
      expect(ifNull, name).toMatch(/\w{2}/)
    }
  },
)
