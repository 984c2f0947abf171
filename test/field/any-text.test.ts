import { afterAll, beforeAll, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'
import { seeded } from './seeded.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

/** Characters that programs drop, change or stop at, besides any others. */
const SPECIAL =
  '\ufeff\ufffe\uffff\ufffd\0\u001a\u0085\u00a0\u200b\u2028\u202e\u{1f6d1}\u{10ffff}e\u0301\u00e9"\'\\,;\t\r\n`%_ '

function anyText(random: () => number): string {
  const letters = [...SPECIAL]
  const length = 1 + Math.floor(random() * 6)
  return Array.from({ length }, () => {
    if (random() < 0.7) return letters[Math.floor(random() * letters.length)]!
    const point = Math.floor(random() * 0x11_0000)
    return point >= 0xd800 && point < 0xe000 ? 'x' : String.fromCodePoint(point)
  }).join('')
}

/** Texts that begin with U+FEFF, and the same without it, are different texts. */
const FIXED = [
  '\ufeffa',
  'a',
  '\ufeff',
  '\ufeff\ufeffa',
  'a\ufeff',
  '\ufeff' + 'long enough to leave the vector'.repeat(3),
]

test.each(['csv', 'jsonl'])('any text of a %s file comes back as it is, in every column', async (kind) => {
  const random = seeded(20261130)
  const ids = [...new Set([...FIXED, ...Array.from({ length: 40 }, () => anyText(random))])]
  const rows = ids.map((id, index) => [id, ids[(index + 7) % ids.length]!, ids[(index + 13) % ids.length]!])
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  const header = ['asset_id', 'observation_id', 'image']
  const content =
    kind === 'csv'
      ? [header, ...rows].map((row) => `${row.map(quoted).join(',')}\n`).join('')
      : rows.map((row) => `${JSON.stringify(Object.fromEntries(row.map((text, at) => [header[at], text])))}\n`).join('')
  const { units } = await tables.take(`any.${kind}`, content)
  const found = new Map(units.map(({ asset, observations, images }) => [asset, [...observations, ...images]]))
  expect(found.size).toBe(rows.length)
  for (const [id, ...others] of rows) expect(found.get(id!), JSON.stringify(id)).toEqual(others)
})

test.each(['asset_id', 'observation_id', 'image'])(
  'half of a surrogate pair in %s is no text: two such IDs would become one, so the file is refused with its line',
  async (column) => {
    const row = (text: string): string =>
      `{"asset_id":"a","observation_id":"b","image":"c.jpg"}`.replace(`"${column}":"`, `"${column}":"${text}`)
    const taken = tables.take('halves.jsonl', `${row('')}\n${row('\\ud83d')}\n${row('\\ud83c')}\n`)
    await expect(taken).rejects.toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringContaining(`${column} in line 2 is "\\ud83d`) as string,
      suggestions: [expect.any(String)],
    })
    const whole = await tables.take('whole.jsonl', `${row('\\ud83d\\uded1')}\n`)
    expect(JSON.stringify(whole.units)).toContain('\u{1f6d1}')
  },
)
