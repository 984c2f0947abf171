import { isFormula } from '../../contract/formula.ts'

/** A plain number may begin with a sign. */
const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i

/**
 * A cell that a spreadsheet shows as text: an apostrophe before what it would run, and no line of its own. A spreadsheet takes a
 * quote at the start for the beginning of a quoted cell, which would hide a formula and join the cells up to the next quote.
 */
export function tsvCell(text: string): string {
  const oneLine = text.replaceAll(/[\t\r\n]+/g, ' ')
  if (oneLine.startsWith('"')) return `"${oneLine.replaceAll('"', '""')}"`
  return isFormula(oneLine) && !NUMBER.test(oneLine) ? `'${oneLine}` : oneLine
}

/** Rows of cells, for the clipboard. */
export function tsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(tsvCell).join('\t')).join('\n')
}
