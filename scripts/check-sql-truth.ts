import { reviewsQuery, truthQuery } from '../src/run-data/sql/truth.ts'
import { REVIEW_COLUMNS } from '../src/services/results/reviews-table.ts'
import type { CheckedTable } from './check-sql-analyzer.ts'
import { SOURCES, type Statement } from './check-sql-statements.ts'

const REVIEWS: CheckedTable = {
  path: 'check.city.signs_reviews',
  columns: REVIEW_COLUMNS,
  rows: ['wrong', null].map((verdict, index) => ({
    unit_id: `unit-${index}`,
    verdict,
    columns: verdict === null ? [{ column_name: 'lit', verdict: 'wrong', right_value: 'true' }] : [],
    note: '',
    marked_at: '2026-11-30T10:00:00.250Z',
  })),
}

/** The tables of true values besides the source tables. */
export function truthTables(): CheckedTable[] {
  return [REVIEWS]
}

/** The statements that read true values: columns and members of a table, and the marks of a review. */
export function truthStatements(): Statement[] {
  return [
    ...SOURCES.map(({ path, location }) => ({
      name: `truth in ${path}`,
      sql: truthQuery(path, [
        ['asset_id'],
        location === 'struct' ? ['location', 'latitude'] : ['location'],
        ['asset_type'],
        ['asset_type'],
      ]),
      // The evaluator has an order of its own.
      isOnlyAnalyzed: true,
    })),
    { name: 'reviews', sql: reviewsQuery(REVIEWS.path) },
  ]
}
