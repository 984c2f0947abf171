/** Between two digits, before a multiple of three digits. */
const GROUP = /\B(?=(?:\d{3})+$)/g

/**
 * `12,345`, `1,234.5`. By hand: the first `toLocaleString` of a process loads the languages of the world, which is 25 ms of
 * processor time for every command.
 *
 * @param mostDecimals fewer if the last ones are zeros
 */
export function countText(count: number, mostDecimals = 3): string {
  const [whole = '', decimals = ''] = count.toFixed(mostDecimals).split('.')
  const kept = decimals.replace(/0+$/, '')
  return `${whole.replace(GROUP, ',')}${kept === '' ? '' : `.${kept}`}`
}

/** A noun with its number: `1 row`, `2,000 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
