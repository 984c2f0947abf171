/** A compiled path of google.api.http (https://github.com/googleapis/googleapis/blob/master/google/api/http.proto). */
export interface PathTemplate {
  /** Matches the whole path, without the verb. */
  expression: RegExp
  /** What follows the last `:` of the path, as `publish` in `/v1/{topic=projects/.../topics/.}:publish`. */
  verb: string | undefined
  /** The field of each group in the expression, and whether it can have several segments. */
  variables: readonly { field: string; isLong: boolean }[]
}

const VARIABLE = /\{([^=}]+)(?:=([^}]+))?\}/

/** Compiles the path of a binding. A variable without a pattern matches one segment. */
export function pathTemplate(template: string): PathTemplate {
  const [, path = template, verb] = /^(.*):(\w+)$/.exec(template) ?? []
  const variables: { field: string; isLong: boolean }[] = []
  let source = ''
  let rest = path
  for (;;) {
    const found = VARIABLE.exec(rest)
    if (!found) break
    const [whole, field = '', pattern = '*'] = found
    source += `${segments(rest.slice(0, found.index))}(${segments(pattern)})`
    variables.push({ field, isLong: pattern.includes('/') || pattern.includes('**') })
    rest = rest.slice(found.index + whole.length)
  }
  return { expression: new RegExp(`^${source}${segments(rest)}$`), verb, variables }
}

function segments(pattern: string): string {
  return pattern
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === '**') return '.*'
      return part === '*' ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`)
    })
    .join('')
}

/**
 * Returns the bound values of a path by field; undefined when it does not match. A variable with one
 * segment is decoded completely; with several, an escaped slash stays escaped, because it would become a
 * separator.
 */
export function matchPath(template: PathTemplate, path: string): [field: string, value: string][] | undefined {
  const found = template.expression.exec(path)
  if (!found) return undefined
  try {
    return template.variables.map(({ field, isLong }, index) => {
      const raw = found[index + 1] ?? ''
      const kept = isLong ? raw.replace(/%(2f)/gi, '%25$1') : raw
      return [field, decodeURIComponent(kept)]
    })
  } catch {
    // A lone % is not an escape.
    return undefined
  }
}
