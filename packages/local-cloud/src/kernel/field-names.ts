/** A field's name in its proto, from its JSON name: `rateLimits` is `rate_limits` (https://protobuf.dev/programming-guides/json/). Dots stay. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** A field's JSON name, from the name in its proto: `rate_limits` is `rateLimits`. Dots stay. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
