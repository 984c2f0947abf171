import { shown } from './bad-request.ts'

/** The parsed value, or what is wrong with it in Google's words. */
export type Read = { value: unknown } | { problem: string }

/**
 * Converts the JSON of a scalar field, by its proto type, to protobufjs's format
 * (https://protobuf.dev/programming-guides/json/).
 */
export function readScalar(type: string, given: unknown): Read {
  const value = SCALARS[type]?.(given)
  if (value !== undefined) return { value }
  return {
    problem:
      type === 'bytes' && typeof given === 'string' ? `Base64 decoding failed for ${shown(given)}` : shown(given),
  }
}

const SCALARS: Record<string, (given: unknown) => unknown> = {
  string: (given) => (typeof given === 'string' ? given : undefined),
  bytes: (given) => (typeof given === 'string' ? decodeBase64(given) : undefined),
  bool: (given) => (typeof given === 'boolean' ? given : undefined),
  float: readFloat,
  double: readFloat,
  ...wholeNumbers(['int32', 'sint32', 'sfixed32'], -(2n ** 31n), 2n ** 31n - 1n, Number),
  ...wholeNumbers(['uint32', 'fixed32'], 0n, 2n ** 32n - 1n, Number),
  ...wholeNumbers(['int64', 'sint64', 'sfixed64'], -(2n ** 63n), 2n ** 63n - 1n, String),
  ...wholeNumbers(['uint64', 'fixed64'], 0n, 2n ** 64n - 1n, String),
}

function wholeNumbers(
  types: readonly string[],
  least: bigint,
  most: bigint,
  convert: (value: bigint) => unknown,
): typeof SCALARS {
  const read = (given: unknown): unknown => {
    const whole = readWhole(given)
    return whole !== undefined && whole >= least && whole <= most ? convert(whole) : undefined
  }
  return Object.fromEntries(types.map((type) => [type, read]))
}

/** Numbers can be strings, because JavaScript numbers cannot hold 64 bits. */
function readWhole(given: unknown): bigint | undefined {
  if (typeof given === 'string' && /^-?\d+$/.test(given)) return BigInt(given)
  const number = readFloat(given)
  return typeof number === 'number' && Number.isInteger(number) ? BigInt(number) : undefined
}

function readFloat(given: unknown): number | undefined {
  if (given === 'NaN' || given === 'Infinity' || given === '-Infinity') return Number(given)
  const number = typeof given === 'string' && /^[-+.\deE]+$/.test(given) ? Number(given) : given
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Standard or URL-safe, padded or not; undefined when any character is neither. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  const digits = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0)
  // Node's decoder skips unknown characters, so bytes would be missing.
  return digits % 4 !== 1 && bytes.byteLength === Math.floor((digits * 3) / 4) ? bytes : undefined
}

/** Converts a decoded scalar to JSON: 64 bits as a string, bytes in base64, NaN and infinities by name. */
export function writeScalar(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  // protobufjs represents 64 bits as a Long.
  return typeof value === 'object' && value !== null ? String(value) : value
}
