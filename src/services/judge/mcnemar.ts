import type { Mcnemar } from '@imagery/viewer/contract/comparison'

/** Up to this many things that only one side got right, the test is exact. */
const MOST_EXACT = 1_000

/**
 * McNemar's test of whether two sides are right equally often. Only things that one side alone got right count. The exact
 * test is the two-sided binomial test with probability 1/2; for more than 1,000 things it is the chi-squared test with
 * Edwards' continuity correction, (|a - b| - 1)² / (a + b), with 1 degree of freedom.
 *
 * Sources: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
 * Psychometrika 12 (1947), 153–157; A. L. Edwards, "Note on the correction for continuity in testing the significance of the
 * difference between correlated proportions", Psychometrika 13 (1948), 185–187.
 */
export function mcnemar(onlyA: number, onlyB: number): Mcnemar {
  const total = onlyA + onlyB
  if (total <= MOST_EXACT) return { method: 'exact', statistic: null, p_value: exact(Math.min(onlyA, onlyB), total) }
  const statistic = Math.max(0, Math.abs(onlyA - onlyB) - 1) ** 2 / total
  return { method: 'chi_squared', statistic, p_value: complementaryError(Math.sqrt(statistic / 2)) }
}

/** Twice the probability of at most `fewer` of `total`, and at most 1. */
function exact(fewer: number, total: number): number {
  // From the largest term down. The first has a logarithm, because 2 to the power of -total can be too small for a number.
  let logarithm = -total * Math.LN2
  for (let index = 1; index <= fewer; index++) logarithm += Math.log((total - fewer + index) / index)
  let term = 1
  let sum = 0
  for (let index = fewer; index >= 0; index--) {
    sum += term
    term *= index / (total - index + 1)
  }
  return Math.min(1, 2 * Math.exp(logarithm + Math.log(sum)))
}

/**
 * The complementary error function for x ≥ 0: the series of erf for small x, else Lentz's evaluation of the continued
 * fraction (NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/7.6.E2 and https://dlmf.nist.gov/7.9.E1).
 */
function complementaryError(x: number): number {
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI)
  if (x < 2) {
    let term = 2 * x
    let sum = term
    for (let index = 1; term > sum * Number.EPSILON; index++) {
      term *= (2 * x * x) / (2 * index + 1)
      sum += term
    }
    return 1 - scale * sum
  }
  // x / (x² + ½ / (1 + 1 / (x² + 3⁄2 / (1 + …)))), from the inside out; 200 steps are far more than x ≥ 2 needs.
  let fraction = 0
  for (let index = 200; index >= 1; index--) fraction = index / 2 / (x + fraction)
  return scale / (x + fraction)
}
