import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import { dryRun, type TableName, type TablePartitions } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { conditionFault } from '../../contracts/condition.ts'
import { columnInCondition } from '../../run-data/sql/names.ts'
import { snapshotParameters, snapshotQuery, type SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { shownColumn, type SourceField } from './columns.ts'
import { prefixError } from './failed-read.ts'
import { castAdvice, keywordAdvice } from './filter-advice.ts'
import { partitionFilterError, pseudocolumnAdvice } from './partitions.ts'

/** @throws ImageryError INVALID_FILTER, before any call, unless the brackets and quotes of the condition make it one expression */
export function checkFilter(where: string | undefined): void {
  const fault = where === undefined ? undefined : conditionFault(where)
  if (fault) {
    throw new ImageryError('INVALID_FILTER', `--where ${where}: it ${fault}`, {
      suggestions: ['--where "asset_type = \'ASSET_CLASS_ROAD_SIGN\'"'],
    })
  }
}

/** Failures of a query that only the filter can cause, because imagery wrote the rest. NOT_FOUND is a table in a subquery. */
const OF_THE_FILTER: ReadonlySet<string> = new Set(['INVALID_ARGUMENT', 'NOT_FOUND'])

interface Place {
  projectId: string
  location: string
  fields: readonly SourceField[]
  partitions?: TablePartitions | undefined
}

/**
 * Checks the snapshot query with a BigQuery dry run.
 *
 * @returns the bytes that it will read, and the other tables that the filter reads
 * @throws ImageryError INVALID_FILTER if the user's filter makes the query invalid, or the table requires another one
 */
export async function checkSnapshotQuery(
  source: SnapshotSource,
  { fields, partitions, ...place }: Place,
): Promise<{ bytes: number; isLowerBound: boolean; otherTables: string[] }> {
  const parameters = snapshotParameters(source)
  try {
    const { bytes, isLowerBound, statementType, tables } = await dryRun(snapshotQuery(source), { ...place, parameters })
    if (statementType !== 'SELECT')
      throw new CloudError('INVALID_ARGUMENT', `it makes the query a ${statementType} statement`)
    const others = tables.map(path).filter((name) => name !== source.path)
    return { bytes, isLowerBound, otherTables: source.where === null ? [] : others }
  } catch (error) {
    if (!(error instanceof CloudError)) throw error
    const required = partitionFilterError(error.message, { where: source.where, fields, partitions })
    if (required) throw required
    const ofThePrefix = prefixError(source.path, error)
    if (ofThePrefix) throw ofThePrefix
    if (!OF_THE_FILTER.has(error.status) || source.where === null) throw error
    // BigQuery's position refers to imagery's query, which the user did not write.
    const reason = error.message.replaceAll(/ at \[\d+:\d+\]/g, '')
    throw new ImageryError('INVALID_FILTER', `--where ${source.where}: ${reason}`, {
      suggestions: [
        ...keywordAdvice(source.where, reason, fields),
        ...castAdvice(source.where, reason, fields),
        ...pseudocolumnAdvice(source.where, reason, partitions),
        `Use a condition on ${fields.map(inCondition).join(', ')}`,
      ],
      cause: error,
    })
  }
}

/** A column with a header of its own is shown with it, and any other as a condition must write it. */
function inCondition(field: SourceField): string {
  const { name = '', header } = field
  return header === undefined && !/[`\\\n]/.test(name) ? columnInCondition(name) : shownColumn(field)
}

function path({ projectId, dataset, table }: TableName): string {
  return tablePath({ projectId, dataset }, table)
}
