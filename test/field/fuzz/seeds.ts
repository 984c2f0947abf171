import { seeded } from '../seeded.ts'

/**
 * The seeds of a fuzz test: from 1 on, as many as it names. `IMAGERY_FUZZ_SEEDS=5000` asks for more, and
 * `IMAGERY_FUZZ_SEEDS=4711-4711` for a range.
 */
function seedsOf(usual: number): { first: number; last: number } {
  const asked = /^(\d+)(?:-(\d+))?$/.exec(process.env['IMAGERY_FUZZ_SEEDS'] ?? '')
  if (!asked) return { first: 1, last: usual }
  const [, one, last] = asked
  return last === undefined ? { first: 1, last: Number(one) } : { first: Number(one), last: Number(last) }
}

/** Runs a check for each seed. A failure names the seed, and how to run it alone. */
export async function everySeed(
  usual: number,
  check: (dice: Dice, seed: number) => Promise<void> | void,
): Promise<void> {
  const { first, last } = seedsOf(usual)
  for (let seed = first; seed <= last; seed++) {
    try {
      await check(new Dice(seed), seed)
    } catch (error) {
      throw new Error(`seed ${seed} (alone: IMAGERY_FUZZ_SEEDS=${seed}-${seed}): ${(error as Error).message}`, {
        cause: error,
      })
    }
  }
}

/** A fuzz test with more seeds takes longer. */
export const FUZZ_TIMEOUT_MS = process.env['IMAGERY_FUZZ_SEEDS'] === undefined ? 60_000 : 3_600_000

/** Random choices that a seed repeats. */
export class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  /** A whole number below `below`. */
  below(below: number): number {
    return Math.floor(this.#random() * below)
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.#random() * 100 < percent
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, at: this.#random() }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ item }) => item)
  }

  /** A text of a few characters, mostly ones that some program drops, changes or obeys. It has no half of a pair. */
  text(most = 6): string {
    return Array.from({ length: 1 + this.below(most) }, () => this.#letter()).join('')
  }

  #letter(): string {
    if (this.chance(70)) return this.pick(SPECIAL)
    const point = this.below(0x11_0000)
    return point >= 0xd800 && point < 0xe000 ? 'x' : String.fromCodePoint(point)
  }
}

const SPECIAL = [
  ...'\ufeff\ufffe\uffff\ufffd\0\u001a\u001b\u007f\u0085\u00a0\u200b\u200f\u2028\u202e\u{1f6d1}\u{10ffff}\u00e9\u0301',
  ...'"\'\\,;|\t\r\n`%_ /#?:=+-@.{}[]()<>&$*~aA0',
  'e\u0301',
  '\r\n',
  '""',
  '\\u0041',
]
