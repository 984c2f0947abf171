import { z } from 'zod'

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
