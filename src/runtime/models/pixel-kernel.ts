import {
  add16,
  add32,
  addFloat,
  addPairs16,
  assembleModule,
  below16,
  dot,
  get,
  i32,
  i32Add,
  load,
  multiplyFloat,
  narrowTo16,
  pickBytes,
  repeatWhileBelow,
  set,
  shiftLeft16,
  splat16,
  store,
  subtract16,
  subtract32,
  toFloat,
  vectorOf16,
  vectorOfFloat,
} from './webassembly.ts'
import type { Code, KernelFunction } from './webassembly.ts'

/** Gray values up to this are near-black. */
export const NEAR_BLACK = 10

/** Gray values from this on are clipped: overexposed or at the sensor's limit. */
export const CLIPPED = 250

/** The pixels of a row that the kernel takes at once, so that all it needs fits in one page and no sum exceeds 32 bits. */
export const TILE = 4_096

/** The places in the kernel's memory: the sums, the RGB bytes of a row, then three rows of gray, two bytes per pixel. */
export const SUMS_AT = 0
export const RGB_AT = 64
const ROW_BYTES = 2 * (TILE + 32)
export const GRAY_AT: readonly [number, number, number] = [16_384, 16_384 + ROW_BYTES, 16_384 + 2 * ROW_BYTES]

/** Pixels that `gray` and `edges` process in one step. */
export const STEP = 16

export interface PixelKernel {
  memory: { readonly buffer: ArrayBuffer }
  /**
   * Converts RGB at `from` to gray at `to`, whole steps up to `end`. Writes the sums of the gray values and of their squares,
   * and the numbers of near-black and of clipped pixels: four 32-bit parts each.
   */
  gray(from: number, to: number, end: number): void
  /** Writes the sum of the squared Laplacians of the row at `middle`, whole steps up to `end`: four 32-bit parts. */
  edges(above: number, middle: number, below: number, end: number): void
}

/** In place of a byte: 0. */
const NONE = 255

/** A little more than 1/1000, so that a half is rounded up. */
const THOUSANDTH = 0.001 * (1 + 2e-6)

/** From here on, numbers of 32 bits have no fraction: an addition rounds, and the number is in the low bits. */
const ROUNDING = 2 ** 23

/**
 * Four pixels: 299 R + 587 G + 114 B, divided by 1000, to the nearest whole number, as 32-bit numbers. This is exact
 * for every sum from 0 to 255,000.
 */
function grayOfFour(rgb: Code): Code {
  // One vector and fixed places are one instruction of the processor; two vectors are a dozen.
  const redGreen = pickBytes(rgb, [0, NONE, 1, NONE, 3, NONE, 4, NONE, 6, NONE, 7, NONE, 9, NONE, 10, NONE])
  const blue = pickBytes(rgb, [2, NONE, NONE, NONE, 5, NONE, NONE, NONE, 8, NONE, NONE, NONE, 11, NONE, NONE, NONE])
  const sum = add32(
    dot(redGreen, vectorOf16(299, 587, 299, 587, 299, 587, 299, 587)),
    dot(blue, vectorOf16(114, 0, 114, 0, 114, 0, 114, 0)),
  )
  const rounded = addFloat(multiplyFloat(toFloat(sum), vectorOfFloat(THOUSANDTH)), vectorOfFloat(ROUNDING))
  return subtract32(rounded, vectorOfFloat(ROUNDING))
}

function gray(): KernelFunction {
  const [from, to, end, low, high, sum, squares, black, clipped] = [0, 1, 2, 3, 4, 5, 6, 7, 8]
  const four = (offset: number): Code => grayOfFour(load(get(from), offset))
  // A comparison gives -1 where it is true.
  const count = (into: number, compare: (half: Code) => Code): Code =>
    set(into, subtract16(get(into), add16(compare(get(low)), compare(get(high)))))
  const step = [
    ...set(low, narrowTo16(four(0), four(12))),
    ...set(high, narrowTo16(four(24), four(36))),
    ...store(get(to), get(low)),
    ...store(get(to), get(high), 16),
    ...set(sum, add32(get(sum), addPairs16(add16(get(low), get(high))))),
    ...set(squares, add32(get(squares), add32(dot(get(low), get(low)), dot(get(high), get(high))))),
    ...count(black, (half) => below16(half, splat16(NEAR_BLACK + 1))),
    ...count(clipped, (half) => below16(splat16(CLIPPED - 1), half)),
    ...set(from, i32Add(get(from), i32(STEP * 3))),
    ...set(to, i32Add(get(to), i32(STEP * 2))),
  ]
  const body = [
    ...repeatWhileBelow(to, end, step),
    ...store(i32(SUMS_AT), get(sum)),
    ...store(i32(SUMS_AT), get(squares), 16),
    ...store(i32(SUMS_AT), addPairs16(get(black)), 32),
    ...store(i32(SUMS_AT), addPairs16(get(clipped)), 48),
  ]
  return { name: 'gray', parameters: 3, locals: { i32: 0, v128: 6 }, body }
}

function edges(): KernelFunction {
  const [above, middle, below, end, left, edge, squares] = [0, 1, 2, 3, 4, 5, 6]
  const eight = (offset: number): Code => {
    const vertical = add16(load(get(above), offset), load(get(below), offset))
    const horizontal = add16(load(get(left), offset), load(get(left), offset + 4))
    return [
      ...set(edge, subtract16(add16(vertical, horizontal), shiftLeft16(load(get(left), offset + 2), 2))),
      ...set(squares, add32(get(squares), dot(get(edge), get(edge)))),
    ]
  }
  const step = [
    // Offsets cannot be negative, so the pointer to the left neighbor is computed.
    ...set(left, i32Add(get(middle), i32(-2))),
    ...eight(0),
    ...eight(16),
    ...[above, middle, below].flatMap((pointer) => set(pointer, i32Add(get(pointer), i32(STEP * 2)))),
  ]
  const body = [...repeatWhileBelow(middle, end, step), ...store(i32(SUMS_AT), get(squares))]
  return { name: 'edges', parameters: 4, locals: { i32: 1, v128: 2 }, body }
}

/** Node's types declare only a part of https://webassembly.github.io/spec/js-api/. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: unknown }
}

let kernel: PixelKernel | undefined

/** Returns the process's only kernel. Its memory is valid until the next use, so no use waits for anything. */
export function pixelKernel(): PixelKernel {
  kernel ??= newKernel()
  return kernel
}

function newKernel(): PixelKernel {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly
  return new Instance(new Module(assembleModule([gray(), edges()]))).exports as PixelKernel
}
