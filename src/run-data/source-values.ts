import { tablePath, type RunTables } from '../contracts/names.ts'
import { queryRows } from '../google/bigquery/bigquery.ts'
import { quoted } from './sql/names.ts'
import { NO_ASSET } from './sql/snapshot.ts'

/** The values of one column that imagery converts, or another of `countedColumns`. */
export interface SourceValues {
  name: string
  /** Images with a value, each observation once: all of them, or with `spread` those that the run uses. */
  given: number
  /** How many of those values cannot be read; of `no_asset`, the rows. */
  unread: number
  /** One of them, cut to 61 letters; null if all can be read. */
  example: string | null
  /** Whether an asset has more images than a run uses. */
  isChosen: boolean
  /** The assets that have more images than a run uses, and a value that cannot be read, and one of them. */
  chosen: number
  chosenExample: string | null
}

/** Sums up what a snapshot counted of the values of its units. The counts are there only if the snapshot converts any. */
export function sourceValuesQuery(tables: RunTables, mostImages: number): string {
  return `SELECT
  value.name AS name,
  SUM(value.given) AS given,
  IF(value.name = '${NO_ASSET}', MAX(value.unread), SUM(value.unread)) AS unread,
  MIN(value.example) AS example,
  LOGICAL_OR(unit.source_values.images > ${mostImages}) AS isChosen,
  COUNTIF(unit.source_values.images > ${mostImages} AND value.unread > 0) AS chosen,
  MIN(IF(unit.source_values.images > ${mostImages}, value.example, NULL)) AS chosenExample
FROM ${quoted(tablePath(tables, tables.assets))} AS unit, UNNEST(unit.source_values.columns) AS value
GROUP BY name ORDER BY name`
}

export async function sourceValues(
  tables: RunTables,
  { location, mostImages }: { location: string; mostImages: number },
): Promise<SourceValues[]> {
  const rows = await queryRows<SourceValues>(sourceValuesQuery(tables, mostImages), {
    projectId: tables.projectId,
    location,
  })
  return rows.map((row) => ({
    ...row,
    given: Number(row.given),
    unread: Number(row.unread),
    chosen: Number(row.chosen),
  }))
}
