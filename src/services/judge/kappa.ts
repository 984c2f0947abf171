/**
 * Returns Cohen's kappa for two classifications of the same things: (observed - expected) / (1 - expected), where
 * `expected` is the agreement by chance. Null without things, and where it is not defined because both say one and the same
 * thing everywhere.
 *
 * Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
 * 37–46.
 *
 * @param pairs how many things each pair of classes has
 */
export function cohensKappa(pairs: Iterable<{ a: string; b: string; count: number }>): number | null {
  const ofA = new Map<string, number>()
  const ofB = new Map<string, number>()
  let total = 0
  let agreed = 0
  for (const { a, b, count } of pairs) {
    ofA.set(a, (ofA.get(a) ?? 0) + count)
    ofB.set(b, (ofB.get(b) ?? 0) + count)
    total += count
    if (a === b) agreed += count
  }
  const chance = [...ofA].reduce((sum, [name, count]) => sum + count * (ofB.get(name) ?? 0), 0)
  // In whole numbers, so that the difference is exactly 0 where it must be.
  const most = total * total - chance
  return total === 0 || most === 0 ? null : (agreed * total - chance) / most
}
