import { tablePath } from '../../contracts/names.ts'
import { marksFile, readMarks } from '../results/marks-file.ts'
import { reviewsTable, saveReviews } from '../results/reviews-table.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'
import { noReviews } from './open-truth.ts'
import { openJudgedRun, resultsTableOf } from './run-rows.ts'

/**
 * Writes the marks that this machine has of a run to the table `<name>_reviews`.
 *
 * @throws ImageryError SOURCE_NOT_FOUND without marks, OUTPUT_EXISTS, RUN_NOT_FOUND
 */
export async function saveReviewsOf(
  target: Target,
  store: StateStore,
  { runId: typed, configurationFolder }: { runId: string | undefined; configurationFolder: string },
): Promise<{ run_id: string; table: string; marks: number }> {
  const run = await openJudgedRun(target, store, typed)
  const { runId, location } = run.rows
  const marks = await readMarks(marksFile(configurationFolder, runId))
  if (marks.length === 0) throw noReviews([runId])
  const table = reviewsTable(resultsTableOf(run))
  await saveReviews(table, marks, { runId, location })
  return { run_id: runId, table: tablePath(table, table.table), marks: marks.length }
}
