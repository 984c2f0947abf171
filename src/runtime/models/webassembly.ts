/**
 * The few instructions of WebAssembly that the pixel kernel needs, as functions that return their bytes
 * (https://webassembly.github.io/spec/core/binary/instructions.html). Operands come first, as on WebAssembly's stack.
 */
export type Code = readonly number[]

/** Types of values (https://webassembly.github.io/spec/core/binary/types.html). */
export const I32 = 0x7f
export const V128 = 0x7b

/** A function of whole numbers that returns nothing and writes its results to the memory. */
export interface KernelFunction {
  name: string
  parameters: number
  /** Local variables after the parameters: first whole numbers, then vectors. */
  locals: { i32: number; v128: number }
  body: Code
}

function unsigned(value: number): number[] {
  const low = value & 0x7f
  const rest = value >>> 7
  return rest === 0 ? [low] : [low | 0x80, ...unsigned(rest)]
}

function signed(value: number): number[] {
  const low = value & 0x7f
  const rest = value >> 7
  return (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40) ? [low] : [low | 0x80, ...signed(rest)]
}

const vector = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]

function operation(opcode: readonly number[]): (...operands: readonly Code[]) => Code {
  return (...operands) => [...operands.flat(), ...opcode]
}

export const get = (local: number): Code => [0x20, local]
export const set = (local: number, value: Code): Code => [...value, 0x21, local]
export const i32 = (value: number): Code => [0x41, ...signed(value)]
export const i32Add = operation([0x6a])

/** Runs the body, and again as long as one pointer is below another. */
export const repeatWhileBelow = (pointer: number, end: number, body: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...get(pointer),
  ...get(end),
  0x49,
  0x0d,
  0x00,
  0x0b,
]

export const load = (pointer: Code, offset = 0): Code => [...pointer, ...vector(0x00), 0, ...unsigned(offset)]
export const store = (pointer: Code, value: Code, offset = 0): Code => [
  ...pointer,
  ...value,
  ...vector(0x0b),
  0,
  ...unsigned(offset),
]

/** A vector of eight 16-bit numbers from 0 to 32,767. */
export const vectorOf16 = (...values: readonly number[]): Code => [
  ...vector(0x0c),
  ...values.flatMap((value) => [value & 0xff, value >>> 8]),
]
/** A vector of the same four floating-point numbers of 32 bits. */
export const vectorOfFloat = (value: number): Code => {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return [...vector(0x0c), ...bytes, ...bytes, ...bytes, ...bytes]
}
/** A vector of the same eight 16-bit numbers. */
export const splat16 = (value: number): Code => vectorOf16(...Array<number>(8).fill(value))
/** Takes bytes by their places in a vector; a place of 255 gives 0. */
export const pickBytes = (value: Code, places: readonly number[]): Code => [
  ...value,
  ...vector(0x0c),
  ...places,
  ...vector(0x0e),
]
/** All bits of each 16-bit number that is less than the other vector's, as signed numbers; no bits of the others. */
export const below16 = operation(vector(0x2f))
export const narrowTo16 = operation(vector(0x86))
/** Adds pairs of signed 16-bit numbers, as numbers of twice the size. */
export const addPairs16 = operation(vector(0x7e))
export const shiftLeft16 = (value: Code, bits: number): Code => [...value, ...i32(bits), ...vector(0x8b)]
export const add16 = operation(vector(0x8e))
export const subtract16 = operation(vector(0x91))
export const add32 = operation(vector(0xae))
export const subtract32 = operation(vector(0xb1))
/** Multiplies signed 16-bit numbers, and adds pairs of the products. */
export const dot = operation(vector(0xba))
/** Of signed 32-bit numbers. */
export const toFloat = operation(vector(0xfa))
export const addFloat = operation(vector(0xe4))
export const multiplyFloat = operation(vector(0xe6))

/** The first bytes of every module: `\\0asm`, and the version. */
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]

/** Assembles a module with one page of memory (64 KB), exported as `memory` (https://webassembly.github.io/spec/core/binary/modules.html). */
export function assembleModule(functions: readonly KernelFunction[]): Uint8Array<ArrayBuffer> {
  const text = (name: string): number[] => [name.length, ...Buffer.from(name)]
  const list = (items: readonly Code[]): number[] => [...unsigned(items.length), ...items.flat()]
  const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content]
  const code = functions.map(({ locals, body }) => {
    const content = [
      ...list([
        [locals.i32, I32],
        [locals.v128, V128],
      ]),
      ...body,
      0x0b,
    ]
    return [...unsigned(content.length), ...content]
  })
  return Uint8Array.from([
    ...MAGIC,
    ...section(
      1,
      list(functions.map(({ parameters }) => [0x60, parameters, ...Array<number>(parameters).fill(I32), 0])),
    ),
    ...section(3, list(functions.map((_, index) => [index]))),
    ...section(5, list([[0, 1]])),
    ...section(7, list([[...text('memory'), 2, 0], ...functions.map(({ name }, index) => [...text(name), 0, index])])),
    ...section(10, list(code)),
  ])
}
