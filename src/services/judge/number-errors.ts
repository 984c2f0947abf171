import type { NumberErrors } from '../../contracts/evaluation.ts'

/** How far an answer may be from the truth: in the column's own unit, or as a share of the truth. */
export interface Tolerance {
  amount: number
  isShare: boolean
}

export const NO_TOLERANCE: Tolerance = { amount: 0, isShare: false }

/** A computer's numbers are not decimal: 0.3 - 0.1 is a little less than 0.2. */
const ROUNDING = 1e-9

/** Whether an answer is at most the tolerance away from the truth, both ends included. */
export function isWithin(answer: number, truth: number, { amount, isShare }: Tolerance): boolean {
  const allowed = isShare ? amount * Math.abs(truth) : amount
  return Math.abs(answer - truth) <= allowed + ROUNDING * Math.max(allowed, Math.abs(truth), Math.abs(answer))
}

/** Sums up differences between numbers one by one. */
export class NumberDifferences {
  #count = 0
  #sum = 0
  #absolute = 0
  #squared = 0
  #largest = 0

  add(difference: number): void {
    this.#count += 1
    this.#sum += difference
    this.#absolute += Math.abs(difference)
    this.#squared += difference ** 2
    this.#largest = Math.max(this.#largest, Math.abs(difference))
  }

  /** Null without a difference. */
  get errors(): NumberErrors | null {
    const count = this.#count
    if (count === 0) return null
    return {
      units: count,
      mean: this.#sum / count,
      mean_absolute: this.#absolute / count,
      root_mean_square: Math.sqrt(this.#squared / count),
      largest: this.#largest,
    }
  }
}
