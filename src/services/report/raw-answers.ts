import { ImageryError } from '../../contracts/errors.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { readRows } from '../results/read-rows.ts'
import { openRawAnswers } from '../runs/results.ts'
import type { StateStore } from '../session/state-store.ts'
import type { Target } from '../session/target.ts'

/**
 * Yields the exact answers that a run's ledger keeps, by attempt ID, page by page. Nothing if the ledger is gone, or the
 * user may not read it: the report then has the answers alone.
 */
export async function* rawAnswersOf(
  target: Target,
  store: StateStore,
  runId: string,
): AsyncGenerator<ReadonlyMap<string, string>> {
  const source = await openRawAnswers(target, store, runId).catch((error: unknown) => {
    const isGone = error instanceof ImageryError && error.code === 'RUN_NOT_FOUND'
    const isHidden =
      error instanceof CloudError && (error.status === 'NOT_FOUND' || error.status === 'PERMISSION_DENIED')
    if (isGone || isHidden) return undefined
    throw error
  })
  if (!source) return
  const { pages } = await readRows(source, { columns: 'attempt_id,raw_answer' })
  for await (const page of pages)
    yield new Map(page.map((row) => [String(row['attempt_id']), String(row['raw_answer'])]))
}
