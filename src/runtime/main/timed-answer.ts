import type { TaskPayload } from '../../contracts/messages.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { TimeLimit, type Clock } from '../clock.ts'
import { AttemptFailure, type Answer, type AnswerOptions, type Model } from '../models/model.ts'
import type { Shutdown } from '../shutdown.ts'

interface Asked {
  modelFor: (spec: RunSpec) => Promise<Model>
  shutdown: Pick<Shutdown, 'over'>
  clock: Clock
}

/**
 * Asks a run's model about a unit, within the time limits of its run. The wait for a turn has its own limit, so that a call
 * always has the whole time of a try.
 *
 * @throws AttemptFailure when a limit is over: `throttled`, which uses up no try, if the unit has had no turn by then
 */
export async function timedAnswer(
  { modelFor, shutdown, clock }: Asked,
  spec: RunSpec,
  task: TaskPayload,
  told: Required<Pick<AnswerOptions, 'onTurn' | 'onBilled'>>,
): Promise<Answer> {
  if (task.observations.length === 0)
    throw new AttemptFailure('unreadable_image', 'the source has no image of this asset', { retryable: false })
  const { attempt_timeout_ms: attemptMs, turn_timeout_ms: turnMs } = spec.limits
  const abort = new AbortController()
  const { signal } = abort
  const { over } = shutdown
  const stop = (): void => abort.abort(over.reason)
  over.addEventListener('abort', stop, { once: true })
  const limit = new TimeLimit(clock, (late) => abort.abort(late))
  limit.set(turnMs, () => noTurn(turnMs))
  const onTurn = async (): Promise<void> => {
    await told.onTurn()
    if (!signal.aborted) limit.set(attemptMs, () => timedOut(attemptMs))
  }
  const asked = modelFor(spec).then((model) => model.answer(task, { ...told, onTurn, signal }))
  try {
    return await Promise.race([asked, limit.over])
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    limit.clear()
    over.removeEventListener('abort', stop)
  }
}

/** The model was not asked. */
function noTurn(limitMs: number): AttemptFailure {
  const message = `no call could be made within ${limitMs / 1_000} s, because others came first`
  return new AttemptFailure('throttled', message, { retryable: true, countsAsTry: false })
}

function timedOut(limitMs: number): AttemptFailure {
  return new AttemptFailure('timeout', `no answer within ${limitMs / 1_000} s`, { retryable: true })
}
