/** One behavior of load jobs, and where the knowledge comes from. */
export interface LoadCase {
  /** What BigQuery does, in one sentence. */
  says: string
  /** A page of Google's with its section, or a public issue in which someone saw it. */
  source: string
  /** The files, by default one. */
  content: FileContent | readonly FileContent[]
  /** The load configuration, beside the source format, the schema and its detection. */
  options?: Record<string, unknown>
  /** The schema in the job's configuration, as `name TYPE`. Without it, the schema is detected. */
  given?: readonly string[]
  /** The schema of the table, as `name TYPE` or `name TYPE MODE`, with the members of a RECORD in parentheses. */
  schema?: readonly string[]
  /** The rows, as TO_JSON_STRING writes them. */
  rows?: readonly string[]
  /** The SQL of a row, given the columns: the whole row by default. */
  select?: string
  /** How the job fails: all of these are in one of its errors. */
  error?: readonly (string | RegExp)[]
  /** What a load that succeeds says about the rows it left out. */
  warnings?: readonly (string | RegExp)[]
}

/** Text, bytes, or the SELECT whose rows DuckDB writes to Parquet. */
export type FileContent = string | Buffer | { select: string }

const DOCS = 'https://cloud.google.com/bigquery/docs'

/** Where a case comes from: a page of Google's, or someone who saw it. */
export function evidenceOf({ source }: Pick<LoadCase, 'source'>): 'documented' | 'observed' {
  return source.startsWith(DOCS) ? 'documented' : 'observed'
}

/** The pages that the cases cite. */
export const PAGES = {
  csv: `${DOCS}/loading-data-cloud-storage-csv`,
  json: `${DOCS}/loading-data-cloud-storage-json`,
  parquet: `${DOCS}/loading-data-cloud-storage-parquet`,
  detection: `${DOCS}/schema-detect`,
  load: `${DOCS}/reference/rest/v2/Job#JobConfigurationLoad.FIELDS.`,
  parquetOptions: `${DOCS}/reference/rest/v2/tables#parquetoptions`,
  names: `${DOCS}/schemas#column_names`,
} as const
