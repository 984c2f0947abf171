import { tablePath } from '../../contracts/names.ts'
import type { TableDescription } from '../../google/bigquery/bigquery.ts'
import type { SnapshotSource } from '../../run-data/sql/snapshot.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import { sourceColumns, type ColumnFlags, type SourceColumns, type SourceField } from './columns.ts'
import type { TableSource } from './parse.ts'
import { checkNoPartition } from './partitions.ts'

/**
 * Finds the columns of a table in BigQuery.
 *
 * @returns the columns, and a sentence for each guess
 * @throws ImageryError COLUMN_NOT_FOUND, or INVALID_FLAG for a partition, with the command that helps
 */
export function tableColumns(
  source: TableSource,
  described: Pick<TableDescription, 'partitions'> & { fields: readonly SourceField[] },
  { flags, where }: { flags: ColumnFlags; where: string | undefined },
): { columns: SourceColumns; guesses: string[] } {
  checkNoPartition(source, described, where)
  const { guesses, ...columns } = sourceColumns(tablePath(source.table, source.table.table), described.fields, flags)
  return { columns, guesses }
}

/** The query of a run over all of a table. */
export function wholeSnapshot(
  path: string,
  columns: SourceColumns,
  { unit, images }: Pick<ModelChoice, 'unit' | 'images'>,
): SnapshotSource {
  return { path, unit, images, ...columns, imagePrefix: null, where: null, limit: null, sample: null }
}
