/** What identifies the project, the person and the machine of a self-test. */
export interface Identity {
  projectId: string
  projectNumber: string | undefined
  /** Folders, each with the words that stand for it. */
  folders: readonly [path: string, word: string][]
  /** Names of this machine and of its proxy. */
  hosts: readonly string[]
}

/** What texts of Google can name besides the project itself. The first match of a text wins. */
const PATTERNS: readonly [pattern: RegExp, replacement: string][] = [
  [/\bprincipal(?:Set)?:\/\/[^\s'",;)]+/g, 'PRINCIPAL'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, 'ACCOUNT'],
  [/\bhttps?:\/\/[\w.-]+\.run\.app\b/g, 'SERVICE_URL'],
  [/\b[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}\b/g, 'BILLING_ACCOUNT'],
  [/\b(organizations|folders)\/\d+/g, '$1/NUMBER'],
  [/\b(?!127\.)\d{1,3}(?:\.\d{1,3}){3}\b/g, 'ADDRESS'],
]

/** Any project that is still named after the deployment's own was replaced, such as the quota project. */
const OTHER_PROJECT = /\b(projects?[/=])(?!PROJECT\b|PROJECT_NUMBER\b|PROJECT_ID\b|locations\b)[a-z0-9][a-z0-9.:-]*/g

/**
 * Returns a function that replaces what identifies a project or a person in a document's texts, because the report of a
 * self-test is made to be shown to strangers.
 */
export function anonymizer({ projectId, projectNumber, folders, hosts }: Identity) {
  const named: [text: string, replacement: string][] = [
    [projectId, 'PROJECT'],
    ...(projectNumber === undefined ? [] : ([[projectNumber, 'PROJECT_NUMBER']] as [string, string][])),
    // A folder can lie in another one of the list.
    ...folders.toSorted(([a], [b]) => b.length - a.length),
    ...hosts.map((host): [string, string] => [host, 'HOST']),
  ]
  const replacements: readonly [pattern: RegExp, replacement: string][] = [
    ...PATTERNS,
    ...named.flatMap(([text, replacement]): [RegExp, string][] =>
      text.length > 1 ? [[literal(text), replacement]] : [],
    ),
    [OTHER_PROJECT, '$1ANOTHER_PROJECT'],
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

/** A name as a word of its own, so that a project called `test` does not change "self-test". */
function literal(text: string): RegExp {
  const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`(?<![A-Za-z0-9])${escaped}(?![A-Za-z0-9])`, 'g')
}
