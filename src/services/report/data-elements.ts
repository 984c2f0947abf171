import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Row, Value } from '@imagery/viewer/contract/columns'
import { imageElementId, packedColumn, type ReportHead, type RowBlock } from '@imagery/viewer/contract/report'

const compress = promisify(gzip)

/** Rows in one block: enough that equal values are rare in the file, and few enough to be in memory. */
export const BLOCK_ROWS = 5_000

/** Returns the element of some rows, with their values by column. */
export async function rowsElement(names: readonly string[], rows: readonly Row[]): Promise<string> {
  const columns = names.map((name): [string, RowBlock['columns'][string]] => [
    name,
    packedColumn(rows.map((row): Value => row[name] ?? null)),
  ])
  return element('data-report="rows"', await packed({ rows: rows.length, columns: Object.fromEntries(columns) }))
}

/** @param answers raw answers by attempt ID */
export async function rawElement(answers: ReadonlyMap<string, string>): Promise<string> {
  return element('data-report="raw"', await packed(Object.fromEntries(answers)))
}

export async function headElement(head: ReportHead): Promise<string> {
  return element('data-report="head"', await packed(head))
}

export function imageElement(number: number, { type, bytes }: { type: string; bytes: Buffer }): string {
  return element(`data-report="image" id="${imageElementId(number)}"`, `${type};base64,${bytes.toString('base64')}`)
}

/** The text is base64, or a media type of ours before it: no character in it means anything to a page. */
function element(attributes: string, text: string): string {
  return `<script type="text/plain" ${attributes}>${text}</script>\n`
}

async function packed(value: unknown): Promise<string> {
  return (await compress(JSON.stringify(value), { level: 9 })).toString('base64')
}
