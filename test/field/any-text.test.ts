import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

/** Texts that begin with U+FEFF, and the same without it, are different texts. */
const ids = [
  '\ufeffa',
  'a',
  '\ufeff',
  '\ufeff\ufeffa',
  'a\ufeff',
  '\ufeff' + 'long enough to leave the vector'.repeat(3),
]

test.each(['csv', 'jsonl'])(
  'a mark U+FEFF that is part of a text stays in it, in every column of a %s file',
  async (kind) => {
    const rows = ids.map((id, index) => [id, ids[(index + 2) % ids.length]!, ids[(index + 5) % ids.length]!])
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
    const header = ['asset_id', 'observation_id', 'image']
    const content =
      kind === 'csv'
        ? [header, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('')
        : rows
            .map((row) => `${JSON.stringify(Object.fromEntries(row.map((text, at) => [header[at], text])))}\n`)
            .join('')
    const { units } = await tables.take(`any.${kind}`, content)
    const found = new Map(units.map(({ asset, observations, images }) => [asset, [...observations, ...images]]))
    expect(found.size).toBe(rows.length)
    for (const [id, ...others] of rows) expect(found.get(id!), JSON.stringify(id)).toEqual(others)
  },
)
