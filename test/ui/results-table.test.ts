import { describe, expect, test } from 'vitest'
import { formatResults, type ResultsTable } from '../../src/ui/results-table.ts'

const rows = [
  {
    asset_id: 'pole-1',
    status: 'ok',
    cause: null,
    error_message: null,
    material: 'wood',
    notes: 'x'.repeat(60),
    run_id: 'r',
  },
  {
    asset_id: 'pole-2',
    status: 'failed',
    cause: 'schema',
    error_message: 'no\u001b[2J JSON',
    material: null,
    notes: null,
    run_id: 'r',
  },
]

const TABLE: ResultsTable = {
  columns: Object.keys(rows[0]!),
  rows,
  isChosen: false,
  onlyFailed: false,
  more: 0,
  failures: [{ cause: 'schema', units: 3, unit_id: 'pole-2', error_message: 'no\u001b[2J JSON' }],
}

const lines = (table: Partial<ResultsTable>, width: number): string[] =>
  formatResults({ ...TABLE, ...table }, width)
    .replaceAll(/\u001b\[\d+m/g, '')
    .split('\n')

describe('a table of results', () => {
  test.each([40, 60, 120])('says in lines of %i columns which columns it hides', (width) => {
    const text = lines({}, width)
    expect(Math.max(...text.map((line) => line.length))).toBeLessThanOrEqual(width)
    const [, hidden = ''] = /Columns not shown: (.*?)\. --columns/.exec(text.join(' ')) ?? []
    const shown = text[0]!.split(/ +/)
    expect([...shown, ...hidden.split(', ')].toSorted()).toEqual([...TABLE.columns].toSorted())
  })

  test('names the cause and the reason of failures, with one entry for those alike', () => {
    const text = lines({}, 80)
    expect(text[2]).toMatch(/^pole-2 +failed +/)
    expect(text.slice(3, 7)).toEqual(['', 'Failed', '  schema: 3 rows, such as pole-2', '    no JSON'])
    expect(text.join('')).not.toContain('\u001b')
  })

  test('shows the reason of each failure if only those are asked for', () => {
    const text = lines({ onlyFailed: true, rows: rows.slice(1) }, 80)
    expect(text[0]).toMatch(/^asset_id +cause +error_message/)
    expect(text[1]).toMatch(/^pole-2 +schema +no JSON/)
  })

  test('tells the observations of one asset apart, and an asset without an ID by its unit', () => {
    const observed = ['o1', 'o2'].map((each) => ({ asset_id: 'pole-1', status: 'ok', unit_id: `pole-1/${each}` }))
    const columns = ['asset_id', 'status', 'unit_id']
    const text = (rows: ResultsTable['rows']): string[] => lines({ columns, rows, failures: [] }, 80).slice(0, 3)
    expect(text(observed)).toEqual(['unit_id    status', 'pole-1/o1  ok', 'pole-1/o2  ok'])
    const alike = [{ asset_id: 'pole-1', status: 'ok', unit_id: 'pole-1' }]
    expect(text([...alike, { asset_id: null, status: 'pending', unit_id: 'pole-2' }])[0]).toBe('unit_id  status')
    expect(text(alike).slice(0, 2)).toEqual(['asset_id  status', 'pole-1    ok'])
  })

  test.each([40, 60, 80, 100])(
    'shortens long IDs in lines of %i columns, so that answers fit, and says how to see them whole',
    (width) => {
      const ids = [1, 2].map(
        (n) => `t1:0edee8336f37d03e425f8dd02594c694:ffff005f/o1:1f71e8bdf0c5f7aeb659d8ba3867f27a:0011006${n}`,
      )
      const observed = ids.map((id) => ({ asset_id: 't1', status: 'ok', category: 'Yield', unit_id: id }))
      const columns = Object.keys(observed[0]!)
      const text = lines({ columns, rows: observed, failures: [] }, width)
      expect(Math.max(...text.map((line) => line.length))).toBeLessThanOrEqual(width)
      expect(text[0]).toMatch(/^unit_id +status {2}category$/)
      expect(text[1]).toMatch(/^t1:0ede\S*…\S*:00110061 +ok +Yield$/)
      expect(text.join(' ')).toContain('--columns unit_id shows it whole')
      const chosen = lines({ columns: ['unit_id', 'category'], rows: observed, isChosen: true, failures: [] }, width)
      expect(chosen[2]).toMatch(/…\S*:00110062 +Yield$/)
      expect(lines({ columns: ['unit_id'], rows: observed, isChosen: true, failures: [] }, width)).toEqual([
        'unit_id',
        ...ids,
      ])
    },
  )

  test('keeps IDs whole where the answers fit beside them', () => {
    const id = 't1:0edee8336f37d03e425f8dd02594c694:ffff005f'
    const text = lines(
      {
        columns: ['asset_id', 'status', 'category'],
        rows: [{ asset_id: id, status: 'ok', category: 'Yield' }],
        failures: [],
      },
      80,
    )
    expect(text).toEqual([`asset_id${' '.repeat(36)}  status  category`, `${id}  ok      Yield`])
  })

  test('shows more rows than a function takes arguments', { timeout: 60_000 }, () => {
    const many = Array.from({ length: 150_000 }, (_, index) => ({ asset_id: `pole-${index}`, status: 'ok' }))
    expect(lines({ columns: ['asset_id', 'status'], rows: many, failures: [] }, 80)).toHaveLength(150_001)
  })

  test('shows the columns that the user chose, also empty ones', () => {
    const text = lines({ isChosen: true, columns: ['material', 'cause'], failures: [] }, 80)
    expect(text).toEqual(['material  cause', 'wood', '          schema'])
  })

  test.each([
    [34, '… 34 more rows. --limit N shows more, --format csv or jsonl has them all'],
    ['some' as const, 'More rows follow. --limit N shows more, --format csv or jsonl has them all'],
  ])('says that %s rows more are there', (more, line) => {
    expect(lines({ more }, 120)).toContain(line)
  })

  test('says that there are no rows', () => {
    expect(lines({ rows: [], failures: [] }, 80)).toEqual(['No rows'])
  })
})
