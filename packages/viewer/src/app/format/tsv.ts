/** What a spreadsheet reads as the beginning of a formula. */
const FORMULA = /^[\t\r ]*[=+\-@]/

/** A plain number may begin with a sign. */
const NUMBER = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i

/** A cell that a spreadsheet shows as text: an apostrophe before what it would run, and no line of its own. */
export function tsvCell(text: string): string {
  const oneLine = text.replaceAll(/[\t\r\n]+/g, ' ')
  return FORMULA.test(oneLine) && !NUMBER.test(oneLine) ? `'${oneLine}` : oneLine
}

/** Rows of cells, for the clipboard. */
export function tsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(tsvCell).join('\t')).join('\n')
}
