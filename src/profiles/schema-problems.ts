import { UNSUPPORTED_KEYWORDS } from '../contracts/answer-schema.ts'
import { GEMINI_MODELS } from '../contracts/gemini-models.ts'
import { profile } from '../contracts/run-spec.ts'
import { nearestName } from './nearest-name.ts'
import type { ProfileProblem } from './profile-problem.ts'

/** What the schema library says about one part of a profile. */
export interface SchemaIssue {
  code?: string
  path: readonly PropertyKey[]
  message: string
  keys?: readonly string[]
  expected?: string
  values?: readonly unknown[]
  minimum?: number | bigint
  maximum?: number | bigint
}

type Path = ProfileProblem['path']

const PROFILE_FIELDS = Object.keys(profile.shape)
const IMAGE_FIELDS = ['max_per_unit', 'pick']
const SCHEMA_FIELDS =
  'type description enum minimum maximum maxLength minItems maxItems properties required items'.split(' ')

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

/** Says in plain words what an issue is about. Unknown fields get the line of the field, not of its parent. */
export function problemsOf(
  issue: SchemaIssue,
  content: unknown,
  written: (path: Path) => string | undefined,
): ProfileProblem[] {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    return issue.keys.map((key) => ({ path: [...path, key], reason: unknownField(path, key, valueAt(content, path)) }))
  }
  if (content === null) return [{ path, reason: 'the file is empty' }]
  const value = valueAt(content, path)
  return [
    { path, reason: value === undefined ? 'is missing' : reasonFor(issue, path, { value, written: written(path) }) },
  ]
}

function reasonFor(
  issue: SchemaIssue,
  path: Path,
  { value, written }: { value: unknown; written: string | undefined },
): string {
  if (path.at(-2) === 'enum') return enumReason(value, written)
  if (path.at(-1) === 'type' && Array.isArray(value))
    return `is a list of types, but a BigQuery column has one type; ${value.includes('null') ? 'leave null out, because a property that is not required can already be null' : 'choose one, string if the values differ'}`
  switch (issue.code) {
    case 'invalid_type':
      return `is ${shown(value)}, not ${EXPECTED[issue.expected ?? ''] ?? issue.expected}`
    case 'invalid_value': {
      const allowed = (issue.values ?? []).map(String)
      const near = nearestName(String(value), allowed)
      return `is ${shown(value)}, not one of ${allowed.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`
    }
    case 'too_small':
      if (typeof value === 'string' || Array.isArray(value)) return 'is empty'
      return `is ${shown(value)}, below the minimum ${issue.minimum}`
    case 'too_big':
      return `is ${shown(value)}, above the maximum ${issue.maximum}`
    default: {
      const near = path[0] === 'model' ? nearestName(String(value), Object.keys(GEMINI_MODELS)) : undefined
      return near === undefined ? issue.message : `${issue.message}; did you mean ${near}?`
    }
  }
}

function enumReason(value: unknown, written = String(value)): string {
  if (value === '' || value === null)
    return `is ${value === '' ? 'empty' : 'null'}; leave it out, because a property that is not required can already be null`
  if (typeof value === 'number' || typeof value === 'boolean')
    return `is ${written}, not a text; write it in quotes: "${written}"`
  return `is ${shown(value)}, not a text`
}

function unknownField(path: Path, key: string, parent: unknown): string {
  if (path[0] === 'output' && Object.hasOwn(UNSUPPORTED_KEYWORDS, key))
    return `cannot be used: ${UNSUPPORTED_KEYWORDS[key]}`
  const elsewhere = belongsTo(path, key, parent)
  if (elsewhere !== undefined) return `is not a field here; it belongs ${elsewhere}`
  const fields = path[0] === 'output' ? SCHEMA_FIELDS : path[0] === 'images' ? IMAGE_FIELDS : PROFILE_FIELDS
  const near = nearestName(key, fields)
  return `is not a field of a profile${near === undefined ? '' : `; did you mean ${near}?`}`
}

/** Returns where a field belongs that is in the wrong place. */
function belongsTo(path: Path, key: string, parent: unknown): string | undefined {
  if (path.length === 0) {
    if (IMAGE_FIELDS.includes(key)) return 'under images'
    return SCHEMA_FIELDS.includes(key) ? 'under output' : undefined
  }
  if (path.length === 1 && PROFILE_FIELDS.includes(key)) return 'at the top of the profile'
  const value = valueAt(parent, [key])
  const isProperty = path[0] === 'output' && value !== null && typeof value === 'object' && Object.hasOwn(value, 'type')
  return isProperty ? `under ${path.join('.')}.properties` : undefined
}

const MOST_SHOWN = 60

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value !== null && typeof value === 'object') return 'an object'
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…`.toWellFormed() : text
}

function valueAt(content: unknown, path: Path): unknown {
  let part = content
  for (const key of path) {
    if (part === null || typeof part !== 'object' || !Object.hasOwn(part, key)) return undefined
    part = (part as Record<string | number, unknown>)[key]
  }
  return part
}
