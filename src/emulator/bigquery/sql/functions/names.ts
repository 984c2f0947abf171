/** Aggregate functions that are translated. */
export const AGGREGATE_NAMES: ReadonlySet<string> = new Set([
  'ANY_VALUE', 'ARRAY_AGG', 'ARRAY_CONCAT_AGG', 'AVG', 'BIT_AND', 'BIT_OR', 'BIT_XOR', 'COUNT', 'COUNTIF', 'LOGICAL_AND', 'LOGICAL_OR',
  'MAX', 'MIN', 'STRING_AGG', 'SUM', 'MAX_BY', 'MIN_BY', 'STDDEV', 'STDDEV_SAMP', 'STDDEV_POP', 'VARIANCE', 'VAR_SAMP', 'VAR_POP',
  'APPROX_COUNT_DISTINCT', 'APPROX_QUANTILES', 'APPROX_TOP_COUNT', 'APPROX_TOP_SUM', 'CORR', 'COVAR_POP', 'COVAR_SAMP', 'GROUPING',
])

/** Functions that exist only with OVER. */
export const WINDOW_NAMES: ReadonlySet<string> = new Set([
  'ROW_NUMBER', 'RANK', 'DENSE_RANK', 'PERCENT_RANK', 'CUME_DIST', 'NTILE', 'LAG', 'LEAD', 'FIRST_VALUE', 'LAST_VALUE', 'NTH_VALUE',
  'PERCENTILE_CONT', 'PERCENTILE_DISC',
])
