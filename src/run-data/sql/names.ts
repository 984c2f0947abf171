/** Table and column names are checked earlier; this prevents a backtick from ending the quotation. */
export function quoted(name: string): string {
  if (/[`\\\n]/.test(name)) throw new RangeError(`not a name: ${JSON.stringify(name)}`)
  return `\`${name}\``
}

/** A column, or a field of one: `properties.id`. Names of columns have no dots. */
export function quotedColumn(path: string): string {
  return path.split('.').map(quoted).join('.')
}
