import { answerFaults } from '../contracts/answer-schema.ts'
import type { AnswerSchema } from '../contracts/answer-schema.ts'
import { PIXELS, type Measurement } from '../contracts/model-options.ts'
import { fieldFaults, limitFaults } from '../contracts/profile-limits.ts'
import { secretIn } from '../contracts/redaction.ts'
import { profileModel, type Profile } from '../contracts/run-spec.ts'
import { RESERVED_COLUMNS } from '../contracts/tables.ts'
import { nearestName } from './nearest-name.ts'
import type { ProfileProblem } from './profile-problem.ts'
import type { ProfileCheck } from './profile-text.ts'
import { countText } from '../contracts/count-text.ts'

type Path = readonly (string | number)[]

/** Lower case, because BigQuery compares column names without case. */
const RESERVED = new Set([...RESERVED_COLUMNS].map((name) => name.toLowerCase()))

/**
 * Finds all faults of a profile, for `imagery profiles validate`, for a run before it creates anything,
 * and for the runtime before it creates the tables of a run. A profile that passes can be set up.
 */
export const checkProfile: ProfileCheck = (profile) => {
  const faults = answerFaults(profile.output)
  // The size of the tables is known only for an output that can become columns.
  return [
    ...checkModel(profile),
    ...faults,
    ...checkNames(profile),
    ...fieldFaults(profile),
    ...(faults.length > 0 ? [] : limitFaults(profile)),
  ]
}

function checkNames({ output }: Profile): ProfileProblem[] {
  return [
    ...Object.keys(output.properties ?? {})
      .filter((name) => RESERVED.has(name.toLowerCase()))
      .map((name) => ({
        path: ['output', 'properties', name],
        reason: 'is a column name that imagery reserves; choose another name',
      })),
    ...unknownRequired(output, ['output']),
  ]
}

/** Finds secrets in a profile, which is written to the records of every run and sent to the model. */
export const checkSecrets: ProfileCheck = (profile) => secretsIn(profile, [])

function secretsIn(value: unknown, path: Path): ProfileProblem[] {
  if (typeof value === 'string') {
    const secret = secretIn(value)
    return secret === undefined
      ? []
      : [{ path, reason: `contains ${secret}, which imagery would write to the records of every run` }]
  }
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, member]) =>
    secretsIn(member, [...path, Array.isArray(value) ? Number(name) : name]),
  )
}

/** Finds enum values that are there twice, which is always a mistake and which Gemini can refuse. */
export const checkChoices: ProfileCheck = ({ output }) => repeatedChoices(output, ['output'])

function repeatedChoices(schema: AnswerSchema, path: Path): ProfileProblem[] {
  const choices = schema.enum ?? []
  const here = choices.flatMap((choice, index) =>
    choices.indexOf(choice) === index
      ? []
      : [{ path: [...path, 'enum', index], reason: `${JSON.stringify(choice)} is there twice` }],
  )
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    repeatedChoices(member, [...path, 'properties', name]),
  )
  return [...here, ...members, ...(schema.items ? repeatedChoices(schema.items, [...path, 'items']) : [])]
}

/** Enum values, and items of all lists together, that Gemini has refused as too many. */
const MANY_CHOICES = 500
const MANY_ITEMS = 1_000

/**
 * Returns what Gemini may refuse in a schema: it answers 400 "too many states for serving" to long enums and to high or
 * nested maxItems, but documents no limit (googleapis/python-genai#660, bethington/ghidra-mcp#440).
 */
export function schemaWarnings({ output }: Profile): string[] {
  return largeParts(output, 'output', 1)
}

function largeParts(schema: AnswerSchema, path: string, times: number): string[] {
  const { enum: choices = [], maxItems, properties = {}, items } = schema
  const most = times * (maxItems ?? 1)
  const isLarge = maxItems !== undefined && most > MANY_ITEMS
  return [
    ...(choices.length > MANY_CHOICES
      ? [`${path}.enum has ${choices.length} values; Gemini can refuse every request for that; try --limit 1 first`]
      : []),
    ...(isLarge
      ? [
          `${path}.maxItems allows ${countText(most)} items in all; Gemini can refuse every request for that; try --limit 1 first, or leave maxItems out`,
        ]
      : []),
    ...Object.entries(properties).flatMap(([name, member]) => largeParts(member, `${path}.properties.${name}`, times)),
    ...(items && !isLarge ? largeParts(items, `${path}.items`, most) : []),
  ]
}

/** Fields that only Gemini models understand. */
const GEMINI_ONLY = ['prompt', 'media_resolution', 'temperature', 'max_output_tokens', 'thinking'] as const

/** Finds fields that the profile's model needs but that are missing, and fields that it does not understand. */
function checkModel(profile: Profile): ProfileProblem[] {
  const problems: ProfileProblem[] = []
  if (profileModel(profile) === PIXELS) {
    if (profile.measure === undefined)
      problems.push({ path: ['measure'], reason: 'is missing; the pixels model needs to know what to measure' })
    for (const name of GEMINI_ONLY) {
      if (profile[name] !== undefined)
        problems.push({ path: [name], reason: 'works only with Gemini models, not with the pixels model' })
    }
  } else {
    if (profile.prompt === undefined)
      problems.push({ path: ['prompt'], reason: 'is missing; a Gemini model needs a prompt' })
    if (profile.measure !== undefined)
      problems.push({ path: ['measure'], reason: 'works only with the pixels model; a Gemini model uses a prompt' })
  }
  if (profile.images?.pick === 'all' && profile.images.max_per_unit !== undefined) {
    problems.push({ path: ['images', 'max_per_unit'], reason: 'contradicts pick: all' })
  }
  return problems
}

/**
 * Checks that a profile of the `pixels` model asks only for columns that its measurement returns.
 *
 * @param delivered the full answer of each measurement
 */
export function checkMeasured(delivered: (measure: Measurement) => AnswerSchema): ProfileCheck {
  return ({ output, measure }) =>
    measure === undefined ? [] : undelivered(output, delivered(measure), ['output'], measure)
}

function undelivered(asked: AnswerSchema, delivered: AnswerSchema, path: Path, measure: string): ProfileProblem[] {
  if (asked.type !== delivered.type) {
    return [{ path: [...path, 'type'], reason: `is ${asked.type}, but ${measure} returns ${article(delivered.type)}` }]
  }
  const constraints = (['enum', 'minimum', 'maximum', 'maxLength', 'minItems', 'maxItems'] as const)
    .filter((name) => asked[name] !== undefined && !sameValues(asked[name], delivered[name]))
    .map((name) => ({
      path: [...path, name],
      reason: `${measure} returns what it measures and cannot enforce a limit`,
    }))
  const members = Object.entries(asked.properties ?? {}).flatMap(([name, property]) => {
    const where = [...path, 'properties', name]
    const known = delivered.properties?.[name]
    if (known) return undelivered(property, known, where, measure)
    return [{ path: where, reason: notMeasured(name, Object.keys(delivered.properties ?? {}), measure) }]
  })
  const items =
    asked.items && delivered.items ? undelivered(asked.items, delivered.items, [...path, 'items'], measure) : []
  return [...constraints, ...members, ...items]
}

/** The order of an enum's values has no meaning. */
function sameValues(asked: unknown, delivered: unknown): boolean {
  if (!Array.isArray(asked) || !Array.isArray(delivered)) return asked === delivered
  return asked.every((value) => delivered.includes(value)) && delivered.every((value) => asked.includes(value))
}

function notMeasured(name: string, columns: readonly string[], measure: string): string {
  const near = nearestName(name, columns)
  return `is not measured by ${measure}${near ? `; did you mean ${near}?` : `, which returns ${columns.join(', ')}`}`
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type} here`
}

function unknownRequired(schema: AnswerSchema, path: Path): ProfileProblem[] {
  const properties = schema.properties ?? {}
  const here = (schema.required ?? []).flatMap((name, index) =>
    Object.hasOwn(properties, name)
      ? []
      : [{ path: [...path, 'required', index], reason: `${name} is not one of the properties` }],
  )
  const members = Object.entries(properties).flatMap(([name, property]) =>
    unknownRequired(property, [...path, 'properties', name]),
  )
  return [...here, ...members, ...(schema.items ? unknownRequired(schema.items, [...path, 'items']) : [])]
}
