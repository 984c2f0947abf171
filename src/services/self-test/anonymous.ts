/**
 * Returns a function that replaces what identifies a project or a person in a document's texts, because the report of a
 * self-test is made to be shown to strangers.
 */
export function anonymizer(names: { projectId: string; projectNumber: string | undefined; home: string }) {
  const replacements: [pattern: RegExp, replacement: string][] = [
    [/[\w.+-]+@(?!PROJECT\b)[\w-]+(?:\.[\w-]+)+/g, 'ACCOUNT'],
    [literal(names.projectId), 'PROJECT'],
    ...(names.projectNumber === undefined
      ? []
      : ([[literal(names.projectNumber), 'PROJECT_NUMBER']] as [RegExp, string][])),
    ...(names.home.length > 1 ? ([[literal(names.home), '~']] as [RegExp, string][]) : []),
  ]
  const text = (value: string): string =>
    replacements.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), value)
  const anonymous = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(anonymous)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), anonymous(member)]))
  }
  return anonymous
}

function literal(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`), 'g')
}
