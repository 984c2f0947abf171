import type { ColumnKind, ColumnRole, ViewedColumn } from '@imagery/viewer/contract/columns'
import type { AnswerSchema } from '../../contracts/answer-schema.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { RESERVED_COLUMNS } from '../../contracts/tables.ts'
import type { TableField } from '../../google/bigquery/bigquery.ts'
import { typeOfField } from '../results/columns.ts'

/**
 * Describes the columns of a run's rows for the viewer.
 *
 * @param profile undefined for a run without its record: its columns then come from its tables alone
 * @param answers the names of the answer's columns without a profile, with imagery's own; undefined if they are not known
 */
export function viewedColumns(
  fields: readonly TableField[],
  profile: Profile | undefined,
  answers?: ReadonlySet<string>,
): ViewedColumn[] {
  const properties = profile?.output.properties
  const names = properties ? new Set(Object.keys(properties)) : answers
  return fields.map((field) => viewedColumn(field, roleOf(field.name ?? '', names), properties))
}

function viewedColumn(
  field: TableField,
  role: ColumnRole,
  properties: Record<string, AnswerSchema> | undefined,
): ViewedColumn {
  const name = field.name ?? ''
  const schema = role === 'answer' && properties && Object.hasOwn(properties, name) ? properties[name] : undefined
  const kind = kindOf(field, schema)
  return {
    name,
    kind,
    role,
    is_integer: kind === 'number' && typeOfField(field) === 'INT64',
    description: field.description ?? schema?.description ?? null,
    allowed: kind === 'enum' ? (schema?.enum ?? null) : null,
  }
}

/** If it is not known which columns are the answer's, each that is not imagery's own counts as one. */
function roleOf(name: string, answers: ReadonlySet<string> | undefined): ColumnRole {
  if (RESERVED_COLUMNS.has(name)) return 'record'
  return answers === undefined || answers.has(name) ? 'answer' : 'kept'
}

function kindOf(field: TableField, schema: AnswerSchema | undefined): ColumnKind {
  if (field.mode === 'REPEATED') return 'other'
  switch (typeOfField(field)) {
    case 'STRING':
      return schema?.enum ? 'enum' : 'text'
    case 'INT64':
    case 'FLOAT64':
    case 'NUMERIC':
      return 'number'
    case 'BOOL':
      return 'boolean'
    case 'TIMESTAMP':
    case 'DATE':
    case 'DATETIME':
      return 'time'
    case 'TIME':
      return 'text'
    case 'OTHER':
      return field.type === 'BIGNUMERIC' ? 'number' : 'text'
    case 'BYTES':
    case 'JSON':
    case 'STRUCT':
      return 'other'
  }
}
