import { documentText, parseDocument, type JsonNode } from './json-document.ts'

/**
 * JSONPath as BigQuery's JSON functions take it: members, quoted members and elements.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#JSONPath_format
 */
const STEP = /\.([^.[\]"'*$\s]+)|\."([^"\\]*(?:\\.[^"\\]*)*)"|\[(\d+)\]/y

/** The steps of a path, or undefined when it is not of the supported form. */
export function parseJsonPath(path: string): (string | number)[] | undefined {
  if (!path.startsWith('$')) return undefined
  const steps: (string | number)[] = []
  STEP.lastIndex = 1
  while (STEP.lastIndex < path.length) {
    const match = STEP.exec(path)
    if (!match) return undefined
    const [, plain, quoted, index] = match
    if (quoted?.includes('\\')) return undefined
    steps.push(index === undefined ? (plain ?? quoted)! : Number(index))
  }
  return steps
}

function document(text: string): JsonNode {
  const node = parseDocument(text)
  // BigQuery reads only as much of such a text as it needs, so its result cannot be predicted here.
  if (!node)
    throw new Error(
      `bq:a JSON function on text that is not JSON (${text.slice(0, 60)}) is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md`,
    )
  return node
}

/** Returns the value at the path; undefined when there is none. */
function lookUp(text: string, path: string): JsonNode | undefined {
  let node: JsonNode | undefined = document(text)
  for (const step of parseJsonPath(path) ?? []) node = node && member(node, step)
  return node
}

function member(node: JsonNode, step: string | number): JsonNode | undefined {
  if (node.kind === 'array') return typeof step === 'number' ? node.items[step] : undefined
  return node.kind === 'object' ? node.members.find(([key]) => key === String(step))?.[1] : undefined
}

export function jsonValue(text: string, path: string): string | undefined {
  return scalarText(lookUp(text, path))
}

function scalarText(node: JsonNode | undefined): string | undefined {
  if (node?.kind === 'string') return node.value
  if (node?.kind === 'number') return node.text
  return node?.kind === 'literal' && node.text !== 'null' ? node.text : undefined
}

/** JSON_QUERY of a STRING takes a JSON null for nothing; of a JSON value it does not. */
export function jsonQuery(text: string, path: string, keepsNull: boolean): string | undefined {
  const node = lookUp(text, path)
  if (!node || (!keepsNull && node.kind === 'literal' && node.text === 'null')) return undefined
  return documentText(node)
}

export function jsonQueryArray(text: string, path: string): string[] | undefined {
  const node = lookUp(text, path)
  return node?.kind === 'array' ? node.items.map(documentText) : undefined
}

/** NULL unless every element is a scalar other than null. */
export function jsonValueArray(text: string, path: string): string[] | undefined {
  const node = lookUp(text, path)
  if (node?.kind !== 'array') return undefined
  const texts = node.items.map(scalarText)
  return texts.includes(undefined) ? undefined : (texts as string[])
}

export function jsonMember(text: string, key: string): string | undefined {
  const node = document(text)
  const found = node.kind === 'object' ? member(node, key) : undefined
  return found && documentText(found)
}

export function jsonElement(text: string, index: bigint): string | undefined {
  const node = document(text)
  const found = node.kind === 'array' && index >= 0n ? node.items[Number(index)] : undefined
  return found && documentText(found)
}

export function jsonType(text: string): string {
  const node = document(text)
  if (node.kind !== 'literal') return node.kind
  return node.text === 'null' ? 'null' : 'boolean'
}
