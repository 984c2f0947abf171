import { describe, expect, test } from 'vitest'
import { sheetCells, unzip } from '../../field/read-xlsx.ts'
import { checkSheetRows, xlsxPieces, type CutCells } from '../../../src/services/results/xlsx.ts'

async function workbook(texts: string[]): Promise<{ archive: Buffer; cut: CutCells }> {
  const cut: CutCells = { cells: 0, first: undefined }
  const pages = (async function* () {
    yield texts.map((text) => ({ text }))
  })()
  const pieces = xlsxPieces([{ name: 'text', type: 'STRING' }], { pages, total: texts.length }, cut)
  return { archive: Buffer.concat(await Array.fromAsync(pieces)), cut }
}

/** https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3 */
describe('a spreadsheet', () => {
  test('has at most 1,048,576 rows with its heading, and more are refused in words', () => {
    expect(() => checkSheetRows(1_048_575)).not.toThrow()
    expect(() => checkSheetRows(1_048_576)).toThrow(
      'A sheet of a spreadsheet holds 1,048,575 rows and a heading, and these are 1,048,576 rows',
    )
  })

  test('has cells of at most 32,767 characters: longer texts are cut, marked and counted', async () => {
    const { archive, cut } = await workbook(['short', 'x'.repeat(32_767), 'y'.repeat(40_000), '🛑'.repeat(20_000)])
    const cells = sheetCells(archive)
    expect(cells.get('A3')?.value).toBe('x'.repeat(32_767))
    const long = cells.get('A4')!.value
    expect(long).toHaveLength(32_767)
    expect(long).toMatch(/^y+… \(cut: 40,000 characters\)$/)
    expect(cells.get('A5')!.value.isWellFormed()).toBe(true)
    expect(cut).toEqual({ cells: 2, first: 'A4' })
  })

  test('ends with the failure of the rows that it is made from', async () => {
    const lost = new Error('connection lost')
    const pages = (async function* () {
      yield [{ text: 'a' }]
      throw lost
    })()
    const pieces = xlsxPieces([{ name: 'text', type: 'STRING' }], { pages, total: 2 }, { cells: 0, first: undefined })
    await expect(Array.fromAsync(pieces)).rejects.toBe(lost)
  })

  test('is a package with every part that its content types and relations name', async () => {
    const files = unzip((await workbook(['a'])).archive)
    const types = files.get('[Content_Types].xml') ?? ''
    const parts = [...types.matchAll(/PartName="\/([^"]+)"/g)].map(([, name = '']) => name)
    expect(new Set(parts)).toEqual(new Set(['xl/styles.xml', 'xl/workbook.xml', 'xl/worksheets/sheet1.xml']))
    for (const part of parts) expect(files.has(part), part).toBe(true)
    expect(files.get('xl/worksheets/sheet1.xml')).toContain('<autoFilter ref="A1:A2"/>')
  })
})
