import { camelCase } from './field-names.ts'

/** google.protobuf.FieldMask in proto-loader's format: snake_case paths, such as `rate_limits.max_burst_size`. */
export interface FieldMask {
  paths: string[]
}

type Fields = Record<string, unknown>

/** Returns the paths of a mask in a query or a JSON body, separated by commas; none for an empty text. */
export function maskPaths(text: string): string[] {
  return text
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '')
}

/** Returns the JSON names in a path: `rateLimits` and `maxBurstSize` for `rate_limits.max_burst_size`. */
export function pathNames(path: string): string[] {
  return path.split('.').map(camelCase)
}

/**
 * Returns `current` with the fields in a mask taken from `wanted`
 * (https://protobuf.dev/reference/protobuf/google.protobuf/#field-mask). A field that `wanted` does not have is
 * cleared.
 *
 * @param isChangeable false for a path to ignore; throws the API's own error for one that must not be in the mask
 */
export function maskedUpdate<Message extends object>(
  current: Message,
  wanted: Message,
  paths: readonly string[],
  isChangeable: (path: string) => boolean,
): Message {
  const merged = { ...current } as Fields
  for (const path of paths) {
    if (isChangeable(path)) copyField(merged, wanted as Fields, pathNames(path))
  }
  return merged as Message
}

function copyField(target: Fields, source: Fields | null | undefined, names: readonly string[]): void {
  const [name = '', ...rest] = names
  if (rest.length === 0) {
    target[name] = source?.[name]
    return
  }
  const part = { ...(target[name] as Fields | null | undefined) }
  copyField(part, source?.[name] as Fields | null | undefined, rest)
  target[name] = part
}
