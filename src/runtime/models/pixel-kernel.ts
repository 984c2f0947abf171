import {
  add16,
  add32,
  addPairs16,
  addPairs8,
  assembleModule,
  bitmask,
  bytesAtLeast,
  bytesAtMost,
  countBits,
  dot,
  get,
  highHalf,
  i32,
  i32Add,
  load,
  load8To16,
  lowHalf,
  multiply32,
  narrowTo16,
  narrowTo8,
  pickBytes,
  repeatWhileBelow,
  set,
  shiftLeft16,
  shiftRight32,
  splatByte,
  splatI32,
  store,
  storeI32,
  subtract16,
  vectorOf16,
} from './webassembly.ts'
import type { Code, KernelFunction } from './webassembly.ts'

/** Gray values up to this are near-black. */
export const NEAR_BLACK = 10

/** Gray values from this on are clipped: overexposed or at the sensor's limit. */
export const CLIPPED = 250

/** The pixels of a row that the kernel takes at once, so that all it needs fits in one page and no sum exceeds 32 bits. */
export const TILE = 4_096

/** The places in the kernel's memory: the sums, the RGB bytes of a row, then three rows of gray. */
export const SUMS_AT = 0
export const RGB_AT = 64
const ROW_BYTES = TILE + 64
export const GRAY_AT: readonly [number, number, number] = [16_384, 16_384 + ROW_BYTES, 16_384 + 2 * ROW_BYTES]

/** Pixels that `gray` and `tones`, and `edges`, process in one step. */
export const GRAY_STEP = 16
export const EDGE_STEP = 8

export interface PixelKernel {
  memory: { readonly buffer: ArrayBuffer }
  /** Converts RGB at `from` to gray at `to`, whole steps up to `end`. */
  gray(from: number, to: number, end: number): void
  /** Writes the sums of the gray values and of their squares (four 32-bit parts each), near-black and clipped pixels. */
  tones(from: number, end: number): void
  /** Writes the sums of the Laplacians of `middle` and of their squares (four 32-bit parts each). */
  edges(above: number, middle: number, below: number, end: number): void
}

/** In place of a byte: 0. */
const NONE = 255

/**
 * Four pixels: 299 R + 587 G, plus 114 B + 500, all divided by 1000. Dividing by 8 first makes room for a reciprocal that
 * gives the exact whole number for every sum up to 255,500.
 */
function grayOfFour(rgb: Code): Code {
  // One vector and fixed places are one instruction of the processor; two vectors are a dozen.
  const redGreen = pickBytes(rgb, [0, NONE, 1, NONE, 3, NONE, 4, NONE, 6, NONE, 7, NONE, 9, NONE, 10, NONE])
  const blue = pickBytes(rgb, [2, NONE, NONE, NONE, 5, NONE, NONE, NONE, 8, NONE, NONE, NONE, 11, NONE, NONE, NONE])
  const sum = add32(
    dot(redGreen, vectorOf16(299, 587, 299, 587, 299, 587, 299, 587)),
    add32(dot(blue, vectorOf16(114, 0, 114, 0, 114, 0, 114, 0)), splatI32(500)),
  )
  return shiftRight32(multiply32(shiftRight32(sum, 3), splatI32(33_555)), 22)
}

function gray(): KernelFunction {
  const [from, to, end] = [0, 1, 2]
  const four = (offset: number): Code => grayOfFour(load(get(from), offset))
  const sixteen = narrowTo8(narrowTo16(four(0), four(12)), narrowTo16(four(24), four(36)))
  const step = [
    ...store(get(to), sixteen),
    ...set(from, i32Add(get(from), i32(GRAY_STEP * 3))),
    ...set(to, i32Add(get(to), i32(GRAY_STEP))),
  ]
  return { name: 'gray', parameters: 3, locals: { i32: 0, v128: 0 }, body: repeatWhileBelow(to, end, step) }
}

function tones(): KernelFunction {
  const [from, end, black, clipped, pixels, half, sum, squares] = [0, 1, 2, 3, 4, 5, 6, 7]
  const squaresOf = (part: Code): Code => [
    ...set(half, part),
    ...set(squares, add32(get(squares), dot(get(half), get(half)))),
  ]
  const step = [
    ...set(pixels, load(get(from))),
    ...set(sum, add32(get(sum), addPairs16(addPairs8(get(pixels))))),
    ...squaresOf(lowHalf(get(pixels))),
    ...squaresOf(highHalf(get(pixels))),
    ...set(black, i32Add(get(black), countBits(bitmask(bytesAtMost(get(pixels), splatByte(NEAR_BLACK)))))),
    ...set(clipped, i32Add(get(clipped), countBits(bitmask(bytesAtLeast(get(pixels), splatByte(CLIPPED)))))),
    ...set(from, i32Add(get(from), i32(GRAY_STEP))),
  ]
  const body = [
    ...repeatWhileBelow(from, end, step),
    ...store(i32(SUMS_AT), get(sum)),
    ...store(i32(SUMS_AT + 16), get(squares)),
    ...storeI32(SUMS_AT + 32, get(black)),
    ...storeI32(SUMS_AT + 36, get(clipped)),
  ]
  return { name: 'tones', parameters: 2, locals: { i32: 2, v128: 4 }, body }
}

function edges(): KernelFunction {
  const [above, middle, below, end, edge, sum, squares] = [0, 1, 2, 3, 4, 5, 6]
  const vertical = add16(load8To16(get(above)), load8To16(get(below)))
  // Offsets cannot be negative, so the pointer to the left neighbor is computed.
  const horizontal = add16(load8To16(i32Add(get(middle), i32(-1))), load8To16(get(middle), 1))
  const step = [
    ...set(edge, subtract16(add16(vertical, horizontal), shiftLeft16(load8To16(get(middle)), 2))),
    ...set(sum, add32(get(sum), addPairs16(get(edge)))),
    ...set(squares, add32(get(squares), dot(get(edge), get(edge)))),
    ...[above, middle, below].flatMap((pointer) => set(pointer, i32Add(get(pointer), i32(EDGE_STEP)))),
  ]
  const body = [
    ...repeatWhileBelow(middle, end, step),
    ...store(i32(SUMS_AT), get(sum)),
    ...store(i32(SUMS_AT + 16), get(squares)),
  ]
  return { name: 'edges', parameters: 4, locals: { i32: 0, v128: 3 }, body }
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
  return new Instance(new Module(assembleModule([gray(), tones(), edges()]))).exports as PixelKernel
}
