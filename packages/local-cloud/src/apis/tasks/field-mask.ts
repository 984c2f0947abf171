/** The JSON name of a field that a mask gives in the proto's own spelling: `rate_limits` is `rateLimits`. */
export function camelCase(snake: string): string {
  return snake.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
