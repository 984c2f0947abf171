import type { Dice } from './seeds.ts'

/** Flips, removes and repeats bytes, more often in the headers, where a decoder takes them for sizes. */
export function damaged(dice: Dice, photo: Buffer): Buffer {
  let bytes = Buffer.from(photo)
  for (let times = dice.below(5); times > 0; times--) {
    const at = dice.below(dice.chance(60) ? Math.min(bytes.length, 700) : bytes.length)
    const more = dice.pick([
      () => Buffer.from([dice.below(256)]),
      () => Buffer.from([0xff, dice.below(256), 0, dice.below(256)]),
      () => bytes.subarray(at, at + dice.below(100)),
      () => Buffer.alloc(dice.below(50)),
    ])()
    const end = dice.chance(8) ? bytes.length : at + dice.pick([more.length, more.length, 0, 7])
    bytes = Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(end)])
    if (bytes.length === 0) break
  }
  return bytes
}
