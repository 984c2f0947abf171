import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { Mark } from '@imagery/viewer/contract/review'
import type { Column } from '../../contracts/columns.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { REVIEWS_LABEL } from '../../contracts/labels.ts'
import { tablePath } from '../../contracts/names.ts'
import { describeTable, ensureTable, updateTable, type TableName } from '../../google/bigquery/bigquery.ts'
import { loadRows } from '../../google/bigquery/load-rows.ts'
import { reviewsQuery } from '../../run-data/sql/truth.ts'
import { mark as markSchema } from './marks-file.ts'
import { allRows } from './read-rows.ts'

/** The table of a review, `<name>_reviews`: one row per unit with a mark. */
export const REVIEW_COLUMNS: readonly Column[] = [
  { name: 'unit_id', type: 'STRING', description: 'The unit that was reviewed.' },
  {
    name: 'verdict',
    type: 'STRING',
    description: 'About the whole answer: right, wrong or unsure; null if only columns are marked.',
  },
  {
    name: 'columns',
    type: 'STRUCT',
    mode: 'REPEATED',
    description: 'About columns of the answer.',
    columns: [
      { name: 'column_name', type: 'STRING' },
      { name: 'verdict', type: 'STRING', description: 'right, wrong or unsure.' },
      { name: 'right_value', type: 'STRING', description: 'The right value as JSON, if the reviewer knows it.' },
    ],
  },
  { name: 'note', type: 'STRING', description: "The reviewer's note." },
  { name: 'marked_at', type: 'TIMESTAMP', description: 'When the unit was last marked.' },
]

/** Returns the table for the review of a run, by the table of its results. */
export function reviewsTable(results: TableName): TableName {
  return { ...results, table: `${results.table}_reviews` }
}

/**
 * Writes the marks of a run's review to its table, in place of those that it has.
 *
 * @throws ImageryError OUTPUT_EXISTS if there is another table with that name
 */
export async function saveReviews(
  table: TableName,
  marks: readonly Mark[],
  { runId, location }: { runId: string; location: string },
): Promise<void> {
  const properties = { description: `The review of imagery run ${runId}.`, labels: { [REVIEWS_LABEL]: runId } }
  const outcome = await ensureTable(table, { columns: REVIEW_COLUMNS, ...properties })
  if (outcome === 'existed' && (await describeTable(table))?.labels[REVIEWS_LABEL] !== runId) {
    const path = tablePath(table, table.table)
    throw new ImageryError('OUTPUT_EXISTS', `Table ${path} exists and is not the review of run ${runId}`, {
      suggestions: [`bq show ${shellWord(`${table.projectId}:${table.dataset}.${table.table}`)}`],
    })
  }
  await loadRows(table, rowsOf(marks), { location, columns: REVIEW_COLUMNS, clusterBy: ['unit_id'] })
  // A load that replaces a table's rows may also drop its properties.
  await updateTable(table, properties)
}

// eslint-disable-next-line typescript/require-await -- rows come as they are asked for
async function* rowsOf(marks: readonly Mark[]): AsyncGenerator<Record<string, unknown>> {
  for (const { columns, ...mark } of marks) {
    yield {
      ...mark,
      columns: Object.entries(columns).map(([name, { verdict, right_value: value }]) => ({
        column_name: name,
        verdict,
        right_value: value === undefined ? null : JSON.stringify(value),
      })),
    }
  }
}

/** Returns the marks in a run's table of reviews; undefined if there is no such table. */
export async function readReviews(table: TableName): Promise<Mark[] | undefined> {
  const described = await describeTable(table)
  if (!described) return undefined
  const query = { projectId: table.projectId, location: described.location }
  const rows = await allRows(reviewsQuery(tablePath(table, table.table)), query)
  return rows.map(({ columns, ...row }) => markSchema.parse({ ...row, columns: columnMarks(columns as ColumnRow[]) }))
}

interface ColumnRow {
  column_name: string
  verdict: string
  right_value: string | null
}

function columnMarks(rows: readonly ColumnRow[]): Record<string, unknown> {
  return Object.fromEntries(
    rows.map(({ column_name: name, verdict, right_value: value }) => [
      name,
      { verdict, ...(value === null ? {} : { right_value: JSON.parse(value) as unknown }) },
    ]),
  )
}
