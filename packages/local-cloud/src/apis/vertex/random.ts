import { hash } from 'node:crypto'

/** Numbers in [0, 1) that depend only on the generator's parameters. */
export type Random = () => number

/**
 * A generator for one purpose: the same seed and words give the same numbers, independent of
 * other generators.
 */
export function randomFrom(seed: number, ...words: readonly (string | number)[]): Random {
  let state = hash('sha1', JSON.stringify([seed, ...words]), 'buffer').readUInt32LE(0)
  // Mulberry32 over a well-mixed start.
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A standard normal deviate (Box and Muller). */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()))
  return radius * Math.cos(2 * Math.PI * random())
}
