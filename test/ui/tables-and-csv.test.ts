import { describe, expect, test } from 'vitest'
import { csvLine } from '../../src/services/results/csv.ts'
import { formatTable } from '../../src/ui/table.ts'

const plain = (text: string): string[] => text.replaceAll(/\u001b\[\d+m/g, '').split('\n')

describe.each([80, 120])('a table on a terminal of %i columns', (width) => {
  test('fits by cutting the widest columns first', () => {
    const rows = [
      ['t1:0b51e7c6', 'failed', 'x'.repeat(300), 12],
      ['t1:1c62f8d7', 'ok', 'short', 3],
    ]
    const lines = plain(formatTable(['asset_id', 'status', 'error_message', 'images'], rows, width))
    expect(Math.max(...lines.map((line) => line.length))).toBe(width)
    expect(lines[1]).toMatch(/^t1:0b51e7c6  failed  x+…  12$/)
    expect(lines[2]).toMatch(/^t1:1c62f8d7  ok      short +3$/)
  })

  test('sends no control character of the data to the terminal', () => {
    const evil = ['\u001b[2J\u001b[1;31mred', 'two\nlines\r\n', 'bell\u0007', '\u009b31mred', '\u001b]0;title\u0007x']
    const text = formatTable(
      ['a'],
      evil.map((value) => [value]),
      width,
    )
    expect(plain(text)).toEqual(['a', 'red', 'two lines', 'bell', 'red', 'x'])
  })
})

test('an endless ID is cut even in a column that is shown whole, between characters', () => {
  const ids = ['a', 'x'.repeat(60_000), `${'x'.repeat(198)}\u{1f6d1}\u{1f6d1}`]
  const lines = plain(
    formatTable(
      ['id', 'b'],
      ids.map((id) => [id, 1]),
      80,
      ['id'],
    ),
  )
  expect(lines.slice(1)).toEqual([`a${' '.repeat(199)}  1`, `${'x'.repeat(199)}…  1`, `${'x'.repeat(198)}…   1`])
})

test('a table shows structs as JSON, short numbers, and nothing for null', () => {
  const lines = plain(
    formatTable(
      ['a', 'b', 'c', 'd'],
      [
        [{ latitude: 1.5 }, 0.1234567891, null, undefined],
        [true, 12_345_678, '', 0],
      ],
      80,
    ),
  )
  expect(lines).toEqual([
    'a                 b         c  d',
    '{"latitude":1.5}  0.123457',
    'true              12345678     0',
  ])
})

/** https://www.rfc-editor.org/rfc/rfc4180#section-2 */
describe('a CSV line', () => {
  test.each([
    [['a', 'b'], 'a,b\r\n'],
    [['a,b', 'say "so"', 'two\nlines', 'cr\r'], '"a,b","say ""so""","two\nlines","cr\r"\r\n'],
    [[null, undefined, '', 0, false], ',,,0,false\r\n'],
    [[{ a: 1 }, ['x', 'y']], '"{""a"":1}","[""x"",""y""]"\r\n'],
    [[' kept ', 'Straße'], ' kept ,Straße\r\n'],
  ])('of %o is quoted as in RFC 4180', (values, line) => {
    expect(csvLine(values)).toBe(line)
  })
})

/** https://owasp.org/www-community/attacks/CSV_Injection */
describe('a CSV cell that a spreadsheet would run', () => {
  test.each([
    ['=1+2', `"'=1+2"`],
    ['=1+2";=1+2', `"'=1+2"";=1+2"`],
    ['=1+2\'" ;,=1+2', `"'=1+2'"" ;,=1+2"`],
    ['+49 30 123', `"'+49 30 123"`],
    ['-3.5', `"'-3.5"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['\rx', `"'\rx"`],
    ['\nx', `"'\nx"`],
    ['\0=1', `"'\0=1"`],
    [' =1', `"' =1"`],
    ['\u00a0=1', `"'\u00a0=1"`],
    ['\ufeff=1', `"'\ufeff=1"`],
    ['＝1', `"'＝1"`],
    ['＋1', `"'＋1"`],
    ['－1', `"'－1"`],
    ['＠x', `"'＠x"`],
  ])('is shown as text: %j', (text, cell) => {
    expect(csvLine([text])).toBe(`${cell}\r\n`)
    expect(csvLine(['a', text, 'b'])).toBe(`a,${cell},b\r\n`)
  })

  test.each(['a=1', "'=1", '1-2', 'Straße', '3.5', '', '–5 (an en dash)'])('is not harmless text: %j', (text) => {
    expect(csvLine([text])).toBe(`${text}\r\n`)
  })

  test('is not a number, a list or a struct', () => {
    expect(csvLine([-3.5, -7, -0.25, { a: '=1' }, ['=1']])).toBe('-3.5,-7,-0.25,"{""a"":""=1""}","[""=1""]"\r\n')
    // Numbers that JavaScript cannot hold come as text.
    expect(csvLine(['-12345678901234567890', '-1'], { isNumeric: (column) => column === 0 })).toBe(
      `-12345678901234567890,"'-1"\r\n`,
    )
  })

  test('is kept with --raw-cells, and can then be read back exactly', () => {
    expect(csvLine(['=1+2', '\tx', '-3'], { raw: true })).toBe('=1+2,"\tx",-3\r\n')
  })

  test('cannot start inside another if the separator is a semicolon or a tab', () => {
    expect(csvLine(['a;=1+2', 'a\t=1+2'])).toBe('"a;=1+2","a\t=1+2"\r\n')
  })
})
