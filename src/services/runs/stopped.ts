import { countText, counted } from '../../contracts/count-text.ts'
import { continueCommand } from '../../contracts/continue-run.ts'
import { ImageryError, type ErrorCode } from '../../contracts/errors.ts'
import type { StopReason } from '../../contracts/run-controls.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { suggestedCommands } from '../../contracts/suggested-command.ts'
import { stoppedMember } from '../../run-data/run-report.ts'
import { runStopOf } from '../../run-data/run-stop.ts'

/** Why a run is stopped, as far as an error needs it. */
type Stop = Pick<NonNullable<RunReport['stopped']>, 'reason' | 'message' | 'next' | 'failure_next'>

const CODES: Record<StopReason, ErrorCode> = {
  canceled: 'RUN_STOPPED',
  max_cost: 'COST_LIMIT',
  max_failures: 'RUN_STOPPED',
  sample: 'RUN_STOPPED',
}

/** A run was stopped before its end. It keeps what it has, and a resume continues it. */
class StoppedError extends ImageryError {}

/**
 * Checks that a run is not stopped, for every command that works on a run or watches it.
 *
 * @param flags the flags that a suggested command needs to work on the same cloud
 * @throws ImageryError with the code of the reason, such as RUN_STOPPED or COST_LIMIT
 */
export async function requireNotStopped(spec: RunSpec, flags: string): Promise<void> {
  const stop = await runStopOf(spec)
  if (stop) throw stoppedError(spec.run_id, stoppedMember(spec, stop), flags)
}

/** Returns the error to report for a failure: the stop of the run, if there was one, else the failure itself. */
export async function stoppedErrorOr(error: unknown, spec: RunSpec, flags: string): Promise<unknown> {
  if (isStoppedError(error)) return error
  try {
    await requireNotStopped(spec, flags)
    return error
  } catch (found) {
    // If the cloud does not respond, report the failure itself.
    return found instanceof ImageryError ? found : error
  }
}

export function stoppedError(
  runId: string,
  { reason, message, next = continueCommand(runId, reason), failure_next: fix }: Stop,
  flags: string,
  units?: RunReport['units'],
): ImageryError {
  const left = units
    ? `. It has ${countText(units.ok + units.failed)} of ${counted(units.total, 'asset')}, and ${countText(units.pending)} ${units.pending === 1 ? 'is' : 'are'} pending`
    : ''
  return new StoppedError(CODES[reason], `Run ${runId} was stopped: ${message}${left}`, {
    suggestions: [
      ...(fix === undefined ? [] : [suggestedCommands(fix, flags)]),
      suggestedCommands(next, flags),
      `imagery results ${runId}${flags}`,
    ],
  })
}

export function isStoppedError(error: unknown): boolean {
  return error instanceof StoppedError
}
