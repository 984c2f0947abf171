/** Names that BigQuery keeps for itself (https://cloud.google.com/bigquery/docs/schemas#column_names). */
const RESERVED =
  /^(_TABLE_|_FILE_|_PARTITION|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER|_CHANGE_TYPE|_CHANGE_SEQUENCE_NUMBER|_CHANGE_TIMESTAMP)/i

/** BigQuery's limit is 300; the rest is for a number. */
const MOST_LETTERS = 290

/**
 * Returns one BigQuery column name per header of a file, in the same order. A name keeps the header's letters, digits and
 * underscores, without accents; BigQuery does not tell names apart by case, so twins get a number.
 */
export function columnNames(headers: readonly string[]): string[] {
  const taken = new Set<string>()
  // A header that is already a name keeps it, even if another header would become the same name before it.
  const plain = new Set(headers.filter((header) => safeName(header) === header).map((header) => header.toLowerCase()))
  return headers.map((header, index) => {
    const wanted = safeName(header) || `column_${index + 1}`
    const isPlain = wanted === header
    let name = wanted
    for (let number = 2; taken.has(name.toLowerCase()) || (!isPlain && plain.has(name.toLowerCase())); number++)
      name = `${wanted}_${number}`
    taken.add(name.toLowerCase())
    return name
  })
}

/** Returns a text as a BigQuery column name; empty if no letter or digit is left. */
function safeName(header: string): string {
  const name = header
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
    .trim()
    .replaceAll(/[^A-Za-z0-9_]+/g, '_')
    .slice(0, MOST_LETTERS)
  if (!/[A-Za-z0-9]/.test(name)) return ''
  return /^\d/.test(name) ? `_${name}` : RESERVED.test(name) ? `column${name}` : name
}
