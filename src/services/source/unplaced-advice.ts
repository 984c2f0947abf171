import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { UnplacedColumns } from './location-columns.ts'
import { isJsonFile, jsonPath } from './nested-columns.ts'

/** Two columns with the axes of a map. */
export interface Axes {
  x: string
  y: string
}

/** A sentence about rows with several places, if nothing says where the asset is. */
export function rivalsWarning(places: readonly (readonly string[])[]): string {
  const shown = places.map((columns) => columns.join(' and ')).join(', ')
  return `No column is used as the location, because several could be it: ${shown}; name the right ones latitude and longitude, or the right one location`
}

/**
 * A sentence about the axes of a map, which are degrees or meters.
 *
 * @param example a pair of values that are no degrees; undefined if they can be degrees
 */
export function axesWarning(table: string, { x, y }: Axes, example?: string): string {
  const both = `Columns ${x} and ${y} are not used as the location, because`
  return example === undefined
    ? `${both} their names do not say degrees; if ${x} is the longitude and ${y} the latitude: ${namingCommand(table, { x, y })}`
    : `${both} values such as ${example} are no degrees; in GeoPandas, to_crs(4326) makes degrees of them`
}

/** A sentence about columns of a table with a location that is not read. */
export function unplacedWarning(table: string, unplaced: UnplacedColumns): string {
  if ('rivals' in unplaced) return rivalsWarning(unplaced.rivals)
  const [x, y] = [unplaced.x, unplaced.y].map(({ header, name = '' }) => header ?? name) as [string, string]
  if (!unplaced.hasHalves) return axesWarning(table, { x, y })
  return `Columns ${y} and ${x} are not used as the location, because other columns tell north from south or east from west; write signed numbers (with ExifTool: -n)`
}

/** The command that gives the columns their names. */
function namingCommand(table: string, { x, y }: Axes): string {
  if (isJsonFile(table))
    return `jq -c ${shellWord(`. + {longitude: ${jsonPath([x])}, latitude: ${jsonPath([y])}}`)} ${shellWord(table)} > rows.jsonl`
  const isParquet = /\.(?:geo)?parquet$/i.test(table)
  const file = `'${table.replaceAll("'", "''")}'`
  const named = `SELECT *, ${column(x, '"')} AS longitude, ${column(y, '"')} AS latitude FROM`
  if (isParquet) return duckdb(`COPY (${named} ${file}) TO 'rows.parquet'`)
  if (/\.[ct]sv$/i.test(table)) return duckdb(`COPY (${named} read_csv(${file}, all_varchar = true)) TO 'rows.csv'`)
  const query = `CREATE VIEW \`${table}_rows\` AS SELECT *, ${column(x, '`')} AS longitude, ${column(y, '`')} AS latitude FROM \`${table}\``
  return `bq query --use_legacy_sql=false ${shellWord(query)}   (then --table ${table}_rows)`
}

const duckdb = (statement: string): string => `duckdb -c ${shellWord(statement)}`

const column = (name: string, quote: '"' | '`'): string => `${quote}${name.replaceAll(quote, quote + quote)}${quote}`
