/** `12,345` */
export function countText(count: number): string {
  return count.toLocaleString('en')
}

/** A noun with its number: `1 row`, `2,000 rows`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}
