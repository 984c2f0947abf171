import { CSV_CASES } from './csv-cases.ts'
import { CSV_VALUE_CASES } from './csv-value-cases.ts'
import { DETECTION_CASES } from './detection-cases.ts'
import { JSON_CASES } from './json-cases.ts'
import type { LoadCase } from './load-case.ts'
import { PARQUET_CASES } from './parquet-cases.ts'

/** All cases, by what is loaded. */
export const CASE_GROUPS: Record<string, { format: string; cases: readonly LoadCase[] }> = {
  'CSV with a schema': { format: 'CSV', cases: [...CSV_CASES, ...CSV_VALUE_CASES] },
  'CSV with a detected schema': { format: 'CSV', cases: DETECTION_CASES },
  'newline-delimited JSON': { format: 'NEWLINE_DELIMITED_JSON', cases: JSON_CASES },
  Parquet: { format: 'PARQUET', cases: PARQUET_CASES },
}
