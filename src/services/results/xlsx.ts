import { isFormula } from '@imagery/viewer/contract/formula'
import { ImageryError } from '../../contracts/errors.ts'
import type { TableField } from '../../google/bigquery/bigquery.ts'
import { typeOfField, type FieldType } from './columns.ts'
import type { Row } from './read-rows.ts'
import { columnLetters, MOST_CELL_LETTERS, MOST_SHEET_ROWS, PARTS, STYLES, xmlText } from './xlsx-parts.ts'
import { zipPieces } from './zip.ts'
import { countText } from '../../contracts/count-text.ts'

/** Texts that were cut, because a cell holds no more. */
export interface CutCells {
  cells: number
  /** The first one, as a spreadsheet names it. */
  first: string | undefined
}

/** @throws ImageryError INVALID_FLAG if a sheet cannot hold the rows and their heading */
export function checkSheetRows(rows: number): void {
  if (rows < MOST_SHEET_ROWS) return
  const most = countText(MOST_SHEET_ROWS - 1)
  throw new ImageryError(
    'INVALID_FLAG',
    `A sheet of a spreadsheet holds ${most} rows and a heading, and these are ${countText(rows)} rows`,
    {
      suggestions: [
        `--limit ${MOST_SHEET_ROWS - 1}`,
        '--format csv -o results.csv',
        '--format parquet -o results.parquet',
      ],
    },
  )
}

/**
 * Yields rows as an Office Open XML workbook (ECMA-376, https://ecma-international.org/publications-and-standards/standards/ecma-376/)
 * with one sheet. Every text is an inline string, so that none can become a formula; numbers and times are numbers.
 *
 * @param cut counts the texts that were cut
 */
export function xlsxPieces(
  fields: readonly TableField[],
  { pages, total }: { pages: AsyncIterable<Row[]>; total: number },
  cut: CutCells,
): AsyncGenerator<Buffer> {
  const range = `A1:${columnLetters(fields.length - 1)}${total + 1}`
  return zipPieces([
    ...PARTS.map(([name, text]) => ({ name, content: [text] })),
    { name: 'xl/worksheets/sheet1.xml', content: sheet(fields, pages, range, cut) },
  ])
}

async function* sheet(
  fields: readonly TableField[],
  pages: AsyncIterable<Row[]>,
  range: string,
  cut: CutCells,
): AsyncGenerator<string> {
  yield '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
  yield '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15" defaultColWidth="18"/><sheetData>'
  const cells = fields.map((field, index) => cellWriter(field, columnLetters(index), cut))
  const names = fields.map(({ name }) => name ?? '')
  const heading = names.map((name, index) => textCell(`${columnLetters(index)}1`, name, STYLES.heading))
  yield `<row r="1">${heading.join('')}</row>`
  let line = 1
  for await (const page of pages) {
    yield page
      .map((row) => {
        line += 1
        return `<row r="${line}">${cells.map((cell, index) => cell(row[names[index]!], line)).join('')}</row>`
      })
      .join('')
  }
  yield `</sheetData><autoFilter ref="${range}"/></worksheet>`
}

type CellWriter = (value: unknown, line: number) => string

/** Integers beyond this have digits that a spreadsheet's numbers do not keep (https://support.microsoft.com/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3). */
const EXACT_DIGITS = 15

function cellWriter(field: TableField, column: string, cut: CutCells): CellWriter {
  const type = field.mode === 'REPEATED' ? 'STRUCT' : typeOfField(field)
  return (value, line) => {
    if (value === null || value === undefined) return ''
    const at = `${column}${line}`
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    if (typeof value === 'boolean' && type === 'BOOL') return `<c r="${at}" t="b"><v>${value ? 1 : 0}</v></c>`
    if (isExactNumber(type, text)) return `<c r="${at}"><v>${text}</v></c>`
    const serial = serialTime(type, text)
    if (serial !== undefined)
      return `<c r="${at}" s="${type === 'DATE' ? STYLES.date : STYLES.time}"><v>${serial}</v></c>`
    return textCell(at, shortened(text, at, cut), isFormula(text) ? STYLES.quoted : 0)
  }
}

/** Whether a value is a number that the cell keeps exactly. A FLOAT64 is the cell's own kind of number. */
function isExactNumber(type: FieldType, text: string): boolean {
  if (type === 'FLOAT64') return text !== '' && Number.isFinite(Number(text))
  if (type !== 'INT64' && type !== 'NUMERIC') return false
  return /^-?[\d.]+$/.test(text) && text.replaceAll(/\D/g, '').replace(/^0+/, '').length <= EXACT_DIGITS
}

const DAY_MS = 86_400_000

/** The day 0 of a spreadsheet is 25,569 days before 1970. */
const DAYS_BEFORE_1970 = 25_569

/** 1900-03-01. Before it, spreadsheets count a day that there never was: 1900-02-29. */
const FIRST_EXACT_DAY = 61

/** Returns a time in UTC as a spreadsheet's days, or undefined if it has no exact form: then it stays text. */
function serialTime(type: FieldType, text: string): number | undefined {
  if (type !== 'TIMESTAMP' && type !== 'DATETIME' && type !== 'DATE') return undefined
  const days = Date.parse(type === 'DATETIME' ? `${text.replace(' ', 'T')}Z` : text) / DAY_MS + DAYS_BEFORE_1970
  return days >= FIRST_EXACT_DAY ? days : undefined
}

function textCell(at: string, text: string, style: number): string {
  return `<c r="${at}" t="inlineStr"${style === 0 ? '' : ` s="${style}"`}><is><t xml:space="preserve">${xmlText(text)}</t></is></c>`
}

function shortened(text: string, at: string, cut: CutCells): string {
  if (text.length <= MOST_CELL_LETTERS) return text
  cut.cells += 1
  cut.first ??= at
  const mark = `… (cut: ${countText(text.length)} characters)`
  return `${text.slice(0, MOST_CELL_LETTERS - mark.length).replace(/[\ud800-\udbff]$/, '')}${mark}`
}
