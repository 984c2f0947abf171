import { longestTryMs } from '../../contracts/run-spec.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { pause, pausesNow } from '../../google/transport/pauses.ts'
import { duration } from '../runs/watch.ts'
import type { RecordedContext, WithQueues } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { beginGeneration, currentGeneration } from '../../run-data/rounds.ts'

/** The time of an attempt besides the model call: writing its row, and until BigQuery shows it. */
const ROW_MS = 60_000

const LOOK_MS = 5_000

/**
 * Waits until the calls of a deleted queue have ended. Someone can delete a run's queue while its calls are in progress.
 * The names of its tasks do not protect their units then, because the next queue has another name
 * (https://cloud.google.com/tasks/docs/deleting-appengine-queues-and-tasks#deleting_queues). A deleted queue starts no
 * more calls, so all have ended after the longest attempt. The next generation then looks for rows before it pays.
 */
export const awaitCallsInProgress: PipelineStep<RecordedContext & WithQueues, object> = creatingStep({
  title: 'Wait for calls in progress',
  async run({ spec, signal, newQueues = 0 }, reporter) {
    const begun = await currentGeneration(spec)
    if (!begun || newQueues === 0) return { skipped: 'no queue was deleted', adds: {} }
    const untilMs = pausesNow() + longestTryMs(spec.limits) + ROW_MS
    for (let leftMs = untilMs - pausesNow(); leftMs > 0; leftMs = untilMs - pausesNow()) {
      signal.throwIfAborted()
      reporter.detail(`a queue of the run was deleted; calls in progress can take ${duration(leftMs)}`)
      await pause(Math.min(LOOK_MS, leftMs))
    }
    const generation = begun.generation + 1
    await beginGeneration(spec, { ...begun, generation })
    return { done: `generation ${generation}`, adds: {} }
  },
})
