import { GoogleError } from '../../kernel/errors.ts'
import { MAX_SCHEMA_DEPTH } from './limits.ts'

/** The schema of an answer, from either schema language. */
export type AnswerSchema = { isNullable: boolean } & (
  | { kind: 'object'; properties: readonly (readonly [string, AnswerSchema])[]; required: ReadonlySet<string> }
  | {
      kind: 'array'
      items: AnswerSchema | undefined
      prefix: readonly AnswerSchema[]
      min: number
      max: number | undefined
    }
  | {
      kind: 'string'
      choices: readonly string[] | undefined
      format: string | undefined
      min: number
      max: number | undefined
      pattern: string | undefined
    }
  | {
      kind: 'number' | 'integer'
      choices: readonly number[] | undefined
      min: number | undefined
      max: number | undefined
    }
  | { kind: 'boolean' | 'null' }
  | { kind: 'choice'; of: readonly AnswerSchema[] }
)

/** Throws INVALID_ARGUMENT for a schema that nests deeper than Vertex AI accepts. */
export function checkDepth(depth: number): void {
  if (depth <= MAX_SCHEMA_DEPTH) return
  throw new GoogleError(
    'INVALID_ARGUMENT',
    'A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth.',
    {
      details: [],
    },
  )
}
