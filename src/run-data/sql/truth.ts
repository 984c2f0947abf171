import { quoted } from './names.ts'

/**
 * Columns of a table of true values, named `column_0`, `column_1`, ….
 *
 * @param columns the path of each column: a name, or the names of a struct and its member
 */
export function truthQuery(table: string, columns: readonly (readonly string[])[]): string {
  const named = columns.map((path, index) => `truth.${path.map(quoted).join('.')} AS column_${index}`)
  return `SELECT ${named.join(', ')} FROM ${quoted(table)} AS truth`
}

/** The marks of a run's review, one row per unit. */
export function reviewsQuery(table: string): string {
  return `SELECT unit_id, verdict, columns, note, marked_at FROM ${quoted(table)} ORDER BY unit_id`
}
