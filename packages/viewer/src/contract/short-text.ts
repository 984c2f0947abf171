/** Shortens a text in its middle: IDs differ at their ends more often than at their beginnings. */
export function shortText(text: string, most: number): string {
  const letters = [...text]
  if (letters.length <= most) return text
  const start = Math.ceil((most - 1) / 3)
  return `${letters.slice(0, start).join('')}…${letters.slice(letters.length - (most - 1 - start)).join('')}`
}
