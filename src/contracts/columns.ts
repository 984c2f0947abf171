/** BigQuery's standard column types that imagery's tables use. */
export type ColumnType = 'STRING' | 'INT64' | 'FLOAT64' | 'BOOL' | 'TIMESTAMP' | 'NUMERIC' | 'GEOGRAPHY' | 'STRUCT'

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
