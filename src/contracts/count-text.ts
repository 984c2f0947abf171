/** Between two digits, before a multiple of three digits. */
const GROUP = /\B(?=(?:\d{3})+$)/g

/**
 * `12,345`, `1,234.5`. By hand: the first `toLocaleString` of a process loads the languages of the world, which is 25 ms of
 * processor time for every command.
 *
 * @param count below 10^15 and, if it is not 0, at least 10^-6
 * @param mostDecimals fewer if the last ones are zeros
 */
export function countText(count: number, mostDecimals = 3): string {
  // As people round 1.65, although the nearest number that a computer has is less.
  const digits = String(Math.round(Number(`${Math.abs(count)}e${mostDecimals}`))).padStart(mostDecimals + 1, '0')
  const whole = digits.slice(0, digits.length - mostDecimals).replace(GROUP, ',')
  const decimals = digits.slice(digits.length - mostDecimals).replace(/0+$/, '')
  return `${count < 0 ? '-' : ''}${whole}${decimals === '' ? '' : `.${decimals}`}`
}

/** A noun with its number: `1 row`, `2,000 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
