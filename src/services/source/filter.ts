import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import { dryRun, type TableName } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { conditionFault } from '../../contracts/condition.ts'
import { snapshotParameters, snapshotQuery, type SnapshotSource } from '../../run-data/sql/snapshot.ts'

/** @throws ImageryError INVALID_FILTER unless the condition is one expression by its brackets and quotes, before anything is asked or made */
export function checkFilter(where: string | undefined): void {
  const fault = where === undefined ? undefined : conditionFault(where)
  if (fault) {
    throw new ImageryError('INVALID_FILTER', `--where ${where}: it ${fault}`, {
      suggestions: ['--where "asset_type = \'ASSET_CLASS_ROAD_SIGN\'"'],
    })
  }
}

/** How a query fails whose other parts are ours and whose source was just seen: NOT_FOUND is of a table in a subquery. */
const OF_THE_FILTER: ReadonlySet<string> = new Set(['INVALID_ARGUMENT', 'NOT_FOUND'])

/**
 * Has BigQuery check the snapshot query without running it.
 *
 * @returns the bytes that it will read, and the other tables that the filter looks into
 * @throws ImageryError INVALID_FILTER when the query is wrong by the user's filter
 */
export async function checkSnapshotQuery(
  source: SnapshotSource,
  { columns, ...place }: { projectId: string; location: string; columns: readonly string[] },
): Promise<{ bytes: number; otherTables: string[] }> {
  const parameters = snapshotParameters(source)
  try {
    const { bytes, statementType, tables } = await dryRun(snapshotQuery(source), { ...place, parameters })
    if (statementType !== 'SELECT')
      throw new CloudError('INVALID_ARGUMENT', `it makes the query a ${statementType} statement`)
    const others = tables.map(path).filter((name) => name !== source.path)
    return { bytes, otherTables: source.where === null ? [] : others }
  } catch (error) {
    if (!(error instanceof CloudError) || !OF_THE_FILTER.has(error.status) || source.where === null) throw error
    // The place that BigQuery names is one of our query, which the user has not written.
    const reason = error.message.replaceAll(/ at \[\d+:\d+\]/g, '')
    throw new ImageryError('INVALID_FILTER', `--where ${source.where}: ${reason}`, {
      suggestions: [`A condition on ${columns.join(', ')}`],
      cause: error,
    })
  }
}

function path({ projectId, dataset, table }: TableName): string {
  return tablePath({ projectId, dataset }, table)
}
