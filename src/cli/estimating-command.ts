import type { EstimateReport } from '../contracts/estimate-report.ts'
import { newRunId } from '../contracts/run-id.ts'
import { requireGeminiBackend } from '../services/session/gemini-availability.ts'
import type { RunOptions } from '../services/options/run-options.ts'
import type { Session } from '../services/session/session.ts'
import { checkRunOptions, newRunContext, type CheckedOptions } from '../services/run/context.ts'
import { findEarlierRun, type EarlierRun } from '../services/run/earlier-run.ts'
import { estimateSteps } from '../services/run/estimate.ts'
import { completeOptions, type GivenOptions } from '../services/run/same-as-before.ts'
import { formatEstimate } from '../ui/estimate.ts'
import { showPipeline } from '../ui/steps.ts'
import { CloudCommand } from './cloud-command.ts'

type CloudFlags = Parameters<CloudCommand['session']>[0]

/** What a run or an estimate starts with. */
export interface Prepared {
  session: Session
  checked: CheckedOptions
  /** The run of `--update`. */
  earlier: EarlierRun | undefined
}

/** A command that can estimate a run. */
export abstract class EstimatingCommand extends CloudCommand {
  /** Checks the options and opens the session, which an update needs first: the earlier run can complete its options. */
  protected async prepare(given: GivenOptions, flags: CloudFlags, { asks }: { asks: boolean }): Promise<Prepared> {
    const complete = (run?: EarlierRun): RunOptions => completeOptions(given, run, this.id ?? 'run')
    if (given.update === undefined || (given.table !== undefined && given.profile !== undefined)) {
      const checked = await checkRunOptions(complete())
      const session = await this.session(flags, asks ? checked.choice.gemini : null)
      const earlier = given.update === undefined ? undefined : await findEarlierRun(session, given.update)
      return { session, checked, earlier }
    }
    const session = await this.session(flags, asks ? 'unknown' : null)
    const earlier = await findEarlierRun(session, given.update)
    const checked = await checkRunOptions(complete(earlier))
    if (asks) {
      const asked = { run_id: newRunId(new Date()), place: session.target.place, gemini: checked.choice.gemini }
      const command = `${this.id ?? 'run'} --update ${given.update}`
      await requireGeminiBackend(asked, { ...session, command, isChosen: this.hasChosenGemini })
    }
    return { session, checked, earlier }
  }

  /** Estimates a run and shows the estimate. Asks no model, so that a local cloud needs nothing that answers. */
  protected async estimate(given: GivenOptions, flags: CloudFlags): Promise<EstimateReport> {
    const { session, checked, earlier } = await this.prepare(given, flags, { asks: false })
    const context = newRunContext(checked, { ...session, runtimeFolder: '', signal: this.signal, earlier })
    try {
      const { report } = await showPipeline(estimateSteps(context), this.progress, this.signal)
      this.show(formatEstimate(report, { width: this.width }))
      return report
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
  }
}
