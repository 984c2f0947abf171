import type { SupportEntry } from '../../kernel/support.ts'
import { scalarFunctions } from './sql/functions/catalog.ts'

const METHODS: readonly SupportEntry[] = [
  {
    method: 'discovery document',
    state: 'partly',
    note: 'the emulated methods with their parameters; schemas without properties',
  },
  {
    method: 'bigquery.datasets.insert',
    state: 'yes',
    note: 'location, labels, description, default expirations, access (basic and bigquery roles, special groups, authorized views; authorized routines and datasets are only stored); linkedDatasetSource makes a read-only linked dataset, where Google uses subscriptions to listings, and restrictions restricts its data egress; its views are visible, but the caller needs access to the tables behind them',
  },
  { method: 'bigquery.datasets.get', state: 'yes', note: '' },
  { method: 'bigquery.datasets.list', state: 'partly', note: 'paging and `all`; no filter' },
  { method: 'bigquery.datasets.patch', state: 'yes', note: 'labels merge; If-Match' },
  { method: 'bigquery.datasets.update', state: 'yes', note: '' },
  { method: 'bigquery.datasets.delete', state: 'yes', note: 'deleteContents' },
  { method: 'bigquery.datasets.undelete', state: 'no', note: '' },
  {
    method: 'bigquery.tables.insert',
    state: 'partly',
    note: 'tables, views and external tables; partitioning and clustering are checked and stored, and integer-range partitions count in the bytes that a query reads; requirePartitionFilter is enforced; of the pseudocolumns there are _PARTITIONTIME, and _PARTITIONDATE of daily partitions; external tables are of CSV, NEWLINE_DELIMITED_JSON and PARQUET in Cloud Storage, without wildcards, connections or hive partitions, and those over Google Drive refuse each query, because no token has the scope of Drive; INTERVAL and RANGE columns, default values, parameterized types, policy tags, constraints, materialized views, snapshots, clones and encryption are refused',
  },
  {
    method: 'bigquery.tables.get',
    state: 'partly',
    note: 'a wildcard, but no partition decorator; streamed rows count immediately, without a streamingBuffer, unless tests set how long it keeps them; sizes of JSON and GEOGRAPHY are estimates',
  },
  { method: 'bigquery.tables.list', state: 'yes', note: '' },
  {
    method: 'bigquery.tables.patch',
    state: 'partly',
    note: 'new nullable columns, relaxed modes, descriptions, labels, expiration, view query; fields inside a RECORD can be added while the table is empty',
  },
  { method: 'bigquery.tables.update', state: 'partly', note: 'same as patch' },
  { method: 'bigquery.tables.delete', state: 'yes', note: '' },
  {
    method: 'bigquery.tabledata.insertAll',
    state: 'partly',
    note: 'row errors, insertId for one minute (not across a restart), limits; no templateSuffix',
  },
  {
    method: 'bigquery.tabledata.list',
    state: 'partly',
    note: 'paging, startIndex, selectedFields of top-level columns, useInt64Timestamp; no ISO8601_STRING timestamps',
  },
  { method: 'bigquery.jobs.query', state: 'partly', note: 'GoogleSQL only; no sessions, no cache (cacheHit is false)' },
  {
    method: 'bigquery.jobs.insert',
    state: 'partly',
    note: 'query and load jobs, jobTimeoutMs; copy and extract are refused; no schemaUpdateOptions',
  },
  {
    method: 'bigquery.jobs.insert (load)',
    state: 'partly',
    note: 'CSV, NEWLINE_DELIMITED_JSON and PARQUET, from an upload or gs:// without wildcards, as docs/load-jobs.md lists; into a table, or with WRITE_APPEND into one partition of a table partitioned by ingestion; no sourceColumnMatch, no formats or zones of times, no flexible column names (columnNameCharacterMap V2); GeoParquet holds points only',
  },
  { method: 'bigquery.jobs.get', state: 'yes', note: '' },
  {
    method: 'bigquery.jobs.list',
    state: 'partly',
    note: 'paging and one stateFilter; no creation time or parent filters',
  },
  { method: 'bigquery.jobs.getQueryResults', state: 'yes', note: 'anonymous results are kept for 24 hours' },
  { method: 'bigquery.jobs.cancel', state: 'yes', note: '' },
  {
    method: 'bigquery: limits of a job',
    state: 'partly',
    note: 'time, memory and disk are those of the local cloud (docs/local-cloud.md); documented lengths of statements, columns of tables and levels of JSON; GENERATE_ARRAY makes at most 1,048,575 elements, || and CONCAT join at most 1,000 values, expressions nest at most 150 levels: Google has such limits and does not document them',
  },
  { method: 'bigquery.jobs.delete', state: 'no', note: '' },
  { method: 'bigquery.models', state: 'no', note: '' },
  { method: 'bigquery.routines', state: 'no', note: '' },
  { method: 'bigquery.rowAccessPolicies', state: 'no', note: '' },
  { method: 'bigquery.projects', state: 'no', note: '' },
]

const LANGUAGE: readonly SupportEntry[] = [
  {
    method: 'GoogleSQL: SELECT',
    state: 'yes',
    note: 'WITH (not recursive), DISTINCT, AS STRUCT/VALUE, * EXCEPT/REPLACE, WHERE, GROUP BY expressions, aliases and ordinals, HAVING, QUALIFY, ORDER BY, LIMIT/OFFSET; subqueries anywhere, including correlated ones',
  },
  {
    method: 'GoogleSQL: INSERT',
    state: 'partly',
    note: 'rows of a query; no VALUES and no default values',
  },
  { method: 'GoogleSQL: GROUP BY ROLLUP, CUBE, GROUPING SETS, ALL', state: 'no', note: '' },
  {
    method: 'GoogleSQL: joins',
    state: 'partly',
    note: 'INNER, LEFT, RIGHT, FULL, CROSS and comma, ON and USING; no NATURAL',
  },
  {
    method: 'GoogleSQL: UNNEST',
    state: 'partly',
    note: 'arrays, correlated arrays, array paths, WITH OFFSET; one array at a time',
  },
  {
    method: 'GoogleSQL: set operations',
    state: 'partly',
    note: 'UNION ALL/DISTINCT, INTERSECT DISTINCT, EXCEPT DISTINCT, by position',
  },
  {
    method: 'GoogleSQL: operators',
    state: 'partly',
    note: "arithmetic with GoogleSQL's errors, comparisons, IN, BETWEEN, LIKE with a constant pattern, IS, ||, & | ^ ~; no << >>, no arithmetic on dates, no equality of STRUCTs",
  },
  {
    method: 'GoogleSQL: types',
    state: 'partly',
    note: 'BIGNUMERIC is stored, returned and cast to FLOAT64 and STRING, but not computed with; GEOGRAPHY holds points only; INTERVAL and RANGE are refused',
  },
  {
    method: 'GoogleSQL: CAST, SAFE_CAST',
    state: 'partly',
    note: "between scalars, with GoogleSQL's rounding and string formats; no FORMAT, no arrays, no time zone names in strings",
  },
  {
    method: 'GoogleSQL: aggregate functions',
    state: 'partly',
    note: 'ANY_VALUE [HAVING MAX/MIN], ARRAY_AGG, AVG (not NUMERIC), BIT_AND, BIT_OR, BIT_XOR, COUNT, COUNTIF, LOGICAL_AND, LOGICAL_OR, MAX, MAX_BY, MIN, MIN_BY, STRING_AGG, SUM, with DISTINCT, IGNORE NULLS, ORDER BY and LIMIT',
  },
  {
    method: 'GoogleSQL: window functions',
    state: 'partly',
    note: 'the aggregates above, ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE, LAG, LEAD, FIRST_VALUE, LAST_VALUE; ROWS frames; no named windows',
  },
  {
    method: 'GoogleSQL: scalar functions',
    state: 'partly',
    note: `${[...Object.keys(scalarFunctions.plain), ...Object.keys(scalarFunctions.special)].toSorted().join(', ')}; others are refused by name`,
  },
  {
    method: 'GoogleSQL: JSON functions',
    state: 'partly',
    note: 'text that is not JSON is an error here; BigQuery reads as much as it can',
  },
  {
    method: 'GoogleSQL: named and positional parameters',
    state: 'yes',
    note: 'every supported scalar type, ARRAY and STRUCT',
  },
  { method: 'GoogleSQL: views', state: 'yes', note: 'checked at creation, run when read' },
  { method: 'GoogleSQL: UPDATE, DELETE, MERGE, TRUNCATE', state: 'no', note: '' },
  { method: 'GoogleSQL: CREATE, ALTER, DROP', state: 'no', note: '' },
  { method: 'GoogleSQL: INFORMATION_SCHEMA', state: 'no', note: '' },
  {
    method:
      'GoogleSQL: wildcard tables over partitioned tables, FOR SYSTEM_TIME AS OF, TABLESAMPLE, PIVOT, table functions, pipe syntax, scripts',
    state: 'no',
    note: '',
  },
  { method: 'Legacy SQL', state: 'no', note: "requests must set useLegacySql to false, as Google's clients do" },
  {
    method: 'bigquery: statistics',
    state: 'partly',
    note: 'totalBytesProcessed is the logical size of the columns read, in the integer-range partitions that constant conditions leave; time partitions and clustering prune nothing',
  },
]

/** How much of BigQuery is emulated; everything else is refused by name with 501. */
export const SUPPORT: readonly SupportEntry[] = [...METHODS, ...LANGUAGE]
