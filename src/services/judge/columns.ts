import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import type { JudgedKind } from '../../contracts/evaluation.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { RESERVED_COLUMNS } from '../../contracts/tables.ts'
import type { TableField } from '../../google/bigquery/bigquery.ts'
import { typeOfField } from '../results/columns.ts'
import type { Row } from '../results/read-rows.ts'

/** A column of an answer, or a member of a struct in it: `sign.color`. */
export interface AnswerColumn {
  name: string
  /** From the row down. */
  path: readonly string[]
  /** `other` for lists. */
  kind: JudgedKind
  isInteger: boolean
  /** The values that the profile allows, in its order. */
  allowed: readonly string[] | null
}

/** Returns the columns of a profile's answer, each member of a struct as a column. */
export function answerColumnsOf({ output }: Profile): AnswerColumn[] {
  return schemaColumns(output, [])
}

function schemaColumns({ properties = {} }: AnswerSchema, above: readonly string[]): AnswerColumn[] {
  return Object.entries(properties).flatMap(([name, schema]): AnswerColumn[] => {
    const path = [...above, name]
    if (schema.type === 'object') return schemaColumns(schema, path)
    const isInteger = schema.type === 'integer'
    return [{ name: path.join('.'), path, kind: kindOf(schema), isInteger, allowed: schema.enum ?? null }]
  })
}

function kindOf({ type, enum: allowed }: AnswerSchema): AnswerColumn['kind'] {
  if (type === 'boolean') return 'boolean'
  if (type === 'integer' || type === 'number') return 'number'
  if (type !== 'string') return 'other'
  return allowed ? 'enum' : 'text'
}

/**
 * Returns the answer's columns of a results table whose run has no record any more. Without the profile, every text is free
 * text.
 */
export function answerColumnsIn(fields: readonly TableField[]): AnswerColumn[] {
  return fieldColumns(
    fields.filter(({ name = '' }) => !RESERVED_COLUMNS.has(name)),
    [],
  )
}

function fieldColumns(fields: readonly TableField[], above: readonly string[]): AnswerColumn[] {
  return fields.flatMap((field): AnswerColumn[] => {
    const path = [...above, field.name ?? '']
    const type = typeOfField(field)
    const isList = field.mode === 'REPEATED'
    if (type === 'STRUCT' && !isList) return fieldColumns(field.fields ?? [], path)
    const kinds: Partial<Record<typeof type, JudgedKind>> = {
      STRING: 'text',
      BOOL: 'boolean',
      INT64: 'number',
      FLOAT64: 'number',
    }
    const kind = isList ? 'other' : (kinds[type] ?? 'other')
    return [{ name: path.join('.'), path, kind, isInteger: type === 'INT64', allowed: null }]
  })
}

/** Returns the value of a column in a row; null if it or the struct around it has none. */
export function valueIn(row: Row, path: readonly string[]): unknown {
  let value: unknown = row
  for (const part of path) value = (value as Row | null | undefined)?.[part]
  return value ?? null
}
