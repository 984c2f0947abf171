import type { Mark } from '@imagery/viewer/contract/review'
import { ImageryError } from '../../contracts/errors.ts'
import { marksFile, readMarks } from '../results/marks-file.ts'
import { readReviews, reviewsTable } from '../results/reviews-table.ts'
import type { ComparedRuns, ComparingTruth } from './compare.ts'
import { reviewTruth } from './review-truth.ts'
import { resultsTableOf, type JudgedRun } from './run-rows.ts'
import { readTruth, type Truth } from './truth.ts'
import type { TruthFlags } from './truth-columns.ts'
import { openTruthTable } from './truth-rows.ts'

/** The value of `--truth` for the marks of `imagery view`. */
export const REVIEWS = 'reviews'

export interface TruthChoice extends TruthFlags {
  /** The user's configuration folder, which has the marks. */
  configurationFolder: string
  signal?: AbortSignal | undefined
}

/**
 * Opens what `--truth` names, for a run: a table of true values, or the marks of the run's review.
 *
 * @throws ImageryError COLUMN_NOT_FOUND, FILE_NOT_FOUND, INVALID_FLAG, SOURCE_NOT_FOUND or SOURCE_UNSUPPORTED
 */
export async function openTruth(
  given: string,
  { rows, columns, spec }: JudgedRun,
  { configurationFolder, ...flags }: TruthChoice,
): Promise<Truth> {
  if (given !== REVIEWS)
    return readTruth(await openTruthTable(given), columns, { ...flags, unit: spec?.unit ?? 'observation' })
  if (flags.id !== undefined || (flags.columns ?? []).length > 0) {
    throw new ImageryError('INVALID_FLAG', '--id and --column name columns of a table, and --truth reviews is none', {
      suggestions: [`imagery eval ${rows.runId} --truth reviews`],
    })
  }
  const marks = await reviewsOf({ rows, spec }, configurationFolder)
  if (marks.length === 0) throw noReviews([rows.runId])
  return reviewTruth(REVIEWS, marks, columns)
}

/**
 * Opens what `--truth` names for two runs. Of reviews, those of the first run are used, or else those of the second.
 *
 * @throws ImageryError as `openTruth`
 */
export async function openComparingTruth(
  given: string,
  { a, b }: ComparedRuns,
  choice: TruthChoice,
): Promise<ComparingTruth> {
  if (given !== REVIEWS) return { truth: await openTruth(given, a, choice), reviewed: 'a' }
  for (const [reviewed, run] of [
    ['a', a],
    ['b', b],
  ] as const) {
    const marks = await reviewsOf(run, choice.configurationFolder)
    if (marks.length > 0) return { truth: await openTruth(given, run, choice), reviewed }
  }
  throw noReviews([a.rows.runId, b.rows.runId])
}

/** The marks on this machine, or else those that were saved as a table. */
async function reviewsOf(run: Pick<JudgedRun, 'rows' | 'spec'>, configurationFolder: string): Promise<Mark[]> {
  const marks = await readMarks(marksFile(configurationFolder, run.rows.runId))
  return marks.length > 0 ? marks : ((await readReviews(reviewsTable(resultsTableOf(run)))) ?? [])
}

export function noReviews(runIds: readonly string[]): ImageryError {
  return new ImageryError(
    'SOURCE_NOT_FOUND',
    runIds.length === 1
      ? `Run ${runIds[0]} has no reviews on this machine, and no table of reviews`
      : `Runs ${runIds.join(' and ')} have no reviews on this machine, and no tables of reviews`,
    {
      suggestions: runIds.map((runId) => `imagery view ${runId}   (marks answers as right or wrong)`),
    },
  )
}
