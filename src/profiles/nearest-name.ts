/** Two names are near if at most this share of the longer one's letters must change. */
const NEAR = 0.4

/** The shortest part of a name that matches the whole name. */
const TELLING_LENGTH = 3

/** Returns the name that the user who typed `given` most likely meant, or undefined if none is near. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  const typed = given.toLowerCase()
  const ranked = names
    .map((name) => ({ name, distance: editDistance(typed, name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  const near = ranked.find(({ name, distance }) => distance <= NEAR * Math.max(typed.length, name.length))
  if (near) return near.name
  return typed.length < TELLING_LENGTH ? undefined : names.find((name) => name.toLowerCase().includes(typed))
}

/** Counts the insertions, deletions, replacements and swaps of neighbors that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1))
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return last[to.length]!
}
