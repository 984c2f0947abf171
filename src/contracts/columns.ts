import * as z from 'zod'

/** BigQuery's standard column types that imagery's tables use. Kept columns of the source have the types after STRUCT, too. */
const COLUMN_TYPES = [
  'STRING',
  'INT64',
  'FLOAT64',
  'BOOL',
  'TIMESTAMP',
  'NUMERIC',
  'GEOGRAPHY',
  'STRUCT',
  'BIGNUMERIC',
  'BYTES',
  'DATE',
  'DATETIME',
  'JSON',
  'TIME',
] as const

export type ColumnType = (typeof COLUMN_TYPES)[number]

/** The names that BigQuery's API has for some types, besides those of SQL (https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema). */
const OTHER_NAMES: Readonly<Record<string, ColumnType>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
  RECORD: 'STRUCT',
}

/** Returns the type of a column as BigQuery's API names it; undefined for one that imagery's tables cannot have, such as RANGE. */
export function columnType(name: string | undefined): ColumnType | undefined {
  return COLUMN_TYPES.find((type) => type === name) ?? OTHER_NAMES[name ?? '']
}

/** One column of a BigQuery table, in imagery's own form. */
export interface Column {
  name: string
  type: ColumnType
  /** REPEATED is an ARRAY. The default is NULLABLE. */
  mode?: 'NULLABLE' | 'REQUIRED' | 'REPEATED'
  description?: string
  /** The members of a STRUCT. */
  columns?: readonly Column[]
}

/** A column of the source that a run keeps, as `run.json` has it. */
export const keptColumn: z.ZodType<Column> = z.lazy(() =>
  z.strictObject({
    name: z.string(),
    type: z.enum(COLUMN_TYPES),
    mode: z.enum(['NULLABLE', 'REQUIRED', 'REPEATED']).exactOptional(),
    description: z.string().exactOptional(),
    columns: z.array(keptColumn).exactOptional(),
  }),
)
