import { RESERVED_WORDS } from '@imagery/local-cloud/contract/reserved-words'

/** Table and column names are checked earlier; this prevents a backtick from ending the quotation. */
export function quoted(name: string): string {
  if (/[`\\\n]/.test(name)) throw new RangeError(`not a name: ${JSON.stringify(name)}`)
  return `\`${name}\``
}

/** A column as a user writes it in a condition: in backticks only if it needs them. */
export function columnInCondition(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) && !RESERVED_WORDS.has(name.toUpperCase()) ? name : quoted(name)
}

/** A column, or a field of one: `properties.id`. Names of columns have no dots. */
export function quotedColumn(path: string): string {
  return path.split('.').map(quoted).join('.')
}
