/**
 * Compiles a pattern over method names, in which `*` matches any run of characters: `bigquery.tables.*`,
 * `*CreateTask`, `*`.
 */
export function methodMatcher(pattern: string): (method: string) => boolean {
  const source = pattern.split('*').map(escapeForRegExp).join('.*')
  const expression = new RegExp(`^${source}$`)
  return (method) => expression.test(method)
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
