import { Flags } from '@oclif/core'

/** What `--truth` is, which one command requires. */
export const truthFlag = {
  summary: 'true values: a CSV, TSV, JSONL or Parquet file, project.dataset.table, or reviews',
  helpValue: 'FILE|TABLE|reviews',
}

/** Flags that name columns of the truth. */
export const truthColumnFlags = {
  id: Flags.string({
    summary: 'column of the truth with the IDs of the assets (default: unit_id, asset_id or id)',
    helpValue: 'COLUMN',
  }),
  column: Flags.string({
    summary: "column of the truth, and the answer's column that it is the truth of, if their names differ",
    helpValue: 'TRUTH_COLUMN=COLUMN',
    multiple: true,
    multipleNonGreedy: true,
  }),
}
