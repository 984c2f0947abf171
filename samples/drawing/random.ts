import { createHash } from 'node:crypto'

/** A random number generator with the same output for the same seed on every machine. */
export interface Random {
  /** At least 0 and less than 1. */
  next(): number
  between(low: number, high: number): number
  oneOf<T>(choices: readonly T[]): T
}

/** The generator sfc32 over the SHA-256 of the seed. */
export function seededRandom(seed: string): Random {
  const state = createHash('sha256').update(seed).digest()
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => state.readUInt32LE(at) | 0) as [number, number, number, number]
  const next = () => {
    const mixed = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + mixed) | 0
    return (mixed >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    oneOf: (choices) => choices[Math.floor(next() * choices.length)]!,
  }
}
