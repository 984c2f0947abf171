/** A share of a count, with the interval that the true share lies in. */
export interface Proportion {
  estimate: number
  low: number
  high: number
}

/** The quantile 0.975 of the standard normal distribution: 95 % of the values lie within it on both sides. */
export const Z_95 = 1.959963984540054

/**
 * Returns `part / whole` with its Wilson score interval at 95 %, without a continuity correction. Unlike the textbook
 * interval, it has no width of zero at 0 % and 100 %, and never leaves 0 to 1.
 *
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
 * Statistical Association 22 (1927), 209–212; method 3 in R. G. Newcombe, "Two-sided confidence intervals for the single
 * proportion", Statistics in Medicine 17 (1998), 857–872.
 *
 * @returns null without a count
 */
export function wilson(part: number, whole: number): Proportion | null {
  if (whole === 0) return null
  const estimate = part / whole
  const squared = Z_95 ** 2
  const center = part + squared / 2
  const margin = Z_95 * Math.sqrt((part * (whole - part)) / whole + squared / 4)
  // At the ends, rounding would leave a bound beside 0 or 1.
  const low = part === 0 ? 0 : (center - margin) / (whole + squared)
  const high = part === whole ? 1 : (center + margin) / (whole + squared)
  return { estimate, low, high }
}
