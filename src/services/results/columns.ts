import { columnType, type ColumnType } from '../../contracts/columns.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { TableField } from '../../google/bigquery/bigquery.ts'
import { nearestName } from '../../profiles/nearest-name.ts'

/** The types whose values results have in a form of their own. */
export type FieldType = Exclude<ColumnType, 'BIGNUMERIC' | 'GEOGRAPHY'> | 'OTHER'

/** Returns the type of a column, or of an item of it. BIGNUMERIC, GEOGRAPHY, RANGE and INTERVAL come as text. */
export function typeOfField({ type }: TableField): FieldType {
  const known = columnType(type)
  return known === undefined || known === 'BIGNUMERIC' || known === 'GEOGRAPHY' ? 'OTHER' : known
}

/** Whether a column holds numbers, which can start with a sign. */
export function isNumeric(field: TableField): boolean {
  const isNumber = ['INT64', 'FLOAT64', 'NUMERIC'].includes(typeOfField(field)) || field.type === 'BIGNUMERIC'
  return isNumber && field.mode !== 'REPEATED'
}

/** Types whose values have no order (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#orderable_data_types). */
const UNORDERED: ReadonlySet<string> = new Set(['RECORD', 'STRUCT', 'JSON', 'GEOGRAPHY'])

/** A comma-separated list, without empty parts. */
function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/**
 * Returns the columns of `--columns`, in the order given; all without it.
 *
 * @throws ImageryError INVALID_FLAG for a column that does not exist, or twice
 */
export function chosenColumns(given: string | undefined, fields: readonly TableField[]): TableField[] {
  if (given === undefined) return [...fields]
  const names = listed(given)
  if (names.length === 0) throw new ImageryError('INVALID_FLAG', '--columns names no column', {})
  const chosen = names.map((name) => columnNamed('--columns', name, fields))
  const twice = chosen.find((field, index) => chosen.indexOf(field) !== index)
  if (twice) throw new ImageryError('INVALID_FLAG', `--columns names ${twice.name} twice`)
  return chosen
}

/**
 * Returns the columns of `--sort`: `COLUMN`, or `COLUMN:desc` from the highest to the lowest.
 *
 * @throws ImageryError INVALID_FLAG for a column that does not exist, or has no order
 */
export function sortColumns(
  given: string | undefined,
  fields: readonly TableField[],
): { column: string; descending: boolean }[] {
  return listed(given ?? '').map((part) => {
    const [, name = part, direction = ''] = /^(.*):(asc|desc)$/i.exec(part) ?? []
    const field = columnNamed('--sort', name, fields)
    if (UNORDERED.has(field.type ?? '') || field.mode === 'REPEATED') {
      throw new ImageryError('INVALID_FLAG', `--sort ${name}: a column of ${typeText(field)} has no order`)
    }
    return { column: field.name ?? name, descending: direction.toLowerCase() === 'desc' }
  })
}

function typeText(field: TableField): string {
  return field.mode === 'REPEATED' ? 'lists' : typeOfField(field) === 'STRUCT' ? 'structs' : (field.type ?? '')
}

/** Returns a column by its name. BigQuery does not tell names apart by case. */
export function columnNamed(flag: string, name: string, fields: readonly TableField[]): TableField {
  const found = fields.find((field) => field.name?.toLowerCase() === name.toLowerCase())
  if (found) return found
  const names = fields.map((field) => field.name ?? '')
  const near = nearestName(name, names)
  throw new ImageryError('INVALID_FLAG', `${flag}: there is no column ${name}`, {
    suggestions: [...(near === undefined ? [] : [`${flag} ${near}`]), `The columns are ${names.join(', ')}`],
  })
}
