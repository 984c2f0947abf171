import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { limitFlags } from '../cli/limit-flags.ts'
import { CAUSES } from '../contracts/causes.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { modelFlags } from '../cli/model-flags.ts'
import { modelWarnings } from '../services/options/model-choice.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { requireGeminiBackend } from '../services/session/gemini-availability.ts'
import type { RecordedContext } from '../services/run/context.ts'
import { resumeContext } from '../services/run/resume.ts'
import {
  chooseRetry,
  failedUnits,
  parseCauses,
  requireSnapshot,
  retrySteps,
  type RetryChoice,
} from '../services/run/retry.ts'
import { finishedReport, errorForInterruptedRun, explainInterruption } from '../services/run/early-end.ts'
import { changeLimits, type LimitChoice } from '../services/runs/limits.ts'
import { runReport } from '../services/runs/report.ts'
import { completeRun } from '../services/runs/watch.ts'
import type { Session } from '../services/session/session.ts'
import { formatReport } from '../ui/report.ts'
import { showPipeline } from '../ui/steps.ts'

export default class Retry extends CloudCommand {
  static override summary = "Retry a run's failed assets"

  static override description = `Queues a run's failed units again, as a new generation, and rewrites the results. Units that succeeded are not processed again. The ledger keeps every attempt.

Causes: ${CAUSES.join(', ')}.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    {
      description: 'Only failures caused by load',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --only throttled,timeout --local',
    },
    {
      description: 'With another model, if the first one gave invalid answers',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --only schema,truncated --model gemini-3.5-flash --local',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix', required: true }),
  }

  static override flags = {
    only: Flags.string({
      summary: 'retry only failures with these causes, separated by commas (default: all)',
      helpValue: 'CAUSE,…',
    }),
    ...modelFlags,
    ...limitFlags,
    wait: Flags.boolean({ summary: 'wait until every asset is done', default: true, allowNo: true }),
  }

  async run(): Promise<RunReport> {
    const { args, flags } = await this.parse(Retry)
    parseCauses(flags.only)
    const runtimeFolder = await builtRuntime(this.config.root)
    const session = await this.session(flags, 'unknown')
    if (!flags.wait) session.requirePersistentCloud()
    const context = await resumeContext({ ...session, runtimeFolder, signal: this.signal }, args.run_id)
    await this.answeredAsRecorded(context.spec)
    const options = { ...flags, mediaResolution: flags['media-resolution'] }
    const choice = chooseRetry(context.spec, options, session.target.flags)
    const model = choice.overrides?.model
    for (const warning of modelWarnings(context.spec.profile, model === undefined ? null : { model }))
      this.warn(warning)
    const before = await explainInterruption(context, runReport(context.spec, { isOneLook: true }))
    const count = failedUnits(before, choice.causes, session.target.flags)
    if (count > 0) await requireSnapshot(context.spec, session.target.flags)
    const report =
      count > 0
        ? await this.#requeue(context, session, {
            choice,
            wait: flags.wait,
            units: before.units.total,
            limits: { maxCost: flags['max-cost'], maxFailures: flags['max-failures'] },
          })
        : await explainInterruption(context, completeRun(context.spec, before))
    this.conclude(report)
    if (!this.jsonEnabled()) {
      if (count === 0)
        this.log(`There are no failures${flags.only === undefined ? '' : ` with ${flags.only}`} to retry.`)
      this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    }
    return report
  }

  async #requeue(
    context: RecordedContext,
    session: Session,
    { choice, wait, limits, units }: { choice: RetryChoice; wait: boolean; limits: LimitChoice; units: number },
  ): Promise<RunReport> {
    const about = { units, command: `retry ${context.runId}`, flags: session.target.flags }
    await requireGeminiBackend(context.spec, { ...session, ...about, isChosen: this.hasChosenGemini })
    await this.answeredAsRecorded(context.spec)
    await explainInterruption(context, changeLimits(context.spec, limits, about))
    const steps = retrySteps(context, choice, { wait })
    const finished = await showPipeline(steps, this.progress, this.signal).catch(async (error: unknown) => {
      throw await errorForInterruptedRun(error, context)
    })
    return finishedReport(finished)
  }
}
