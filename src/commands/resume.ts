import type { FailureLimit } from '../contracts/run-controls.ts'
import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { limitFlags } from '../cli/limit-flags.ts'
import { notifyFlags } from '../cli/notify-flags.ts'
import { consentFlags } from '../cli/run-flags.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { pipeline } from '../contracts/steps.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { requireGeminiBackend } from '../services/session/gemini-availability.ts'
import {
  completeReport,
  resumeContext,
  resumeQuestion,
  resumeStepsBeforeSpending,
  resumeStepsThatSpend,
} from '../services/run/resume.ts'
import type { Pending, RecordedContext } from '../services/run/context.ts'
import { askToContinue, askToSpend } from '../cli/spend-question.ts'
import { checkUnchanged } from '../services/run/changes.ts'
import { finishedReport, errorForInterruptedRun, explainInterruption } from '../services/run/early-end.ts'
import type { Session } from '../services/session/session.ts'
import { changeLimits } from '../services/runs/limits.ts'
import { formatReport } from '../ui/report.ts'
import { showPipeline } from '../ui/steps.ts'

export default class Resume extends CloudCommand {
  static override summary = 'Finish an interrupted run'

  static override description =
    'Recreates whatever is missing (queue, topic, subscription, services), queues only the assets without a final row, and waits until every asset is done. Assets with a final row are not processed again. A run that was interrupted before it could ask about its cost asks now. It is safe to resume a run that is in progress or complete.'

  static override examples = [
    { description: 'The newest run', command: '<%= config.bin %> <%= command.id %> --local' },
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    {
      description: 'A run that stopped at its --max-cost, with a higher one',
      command: '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --max-cost 20',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    'as-recorded': Flags.boolean({
      summary: 'finish with the original profile and source, even if they have changed since',
    }),
    ...notifyFlags,
    ...consentFlags,
    ...limitFlags,
    wait: Flags.boolean({ summary: 'wait until every asset is done', default: true, allowNo: true }),
  }

  async run(): Promise<RunReport> {
    const { args, flags } = await this.parse(Resume)
    const runtimeFolder = await builtRuntime(this.config.root)
    const session = await this.session(flags, 'unknown')
    if (!flags.wait) session.requirePersistentCloud()
    const context = await resumeContext({ ...session, runtimeFolder, signal: this.signal }, args.run_id)
    await this.answeredAsRecorded(context.spec)
    const found = await explainInterruption(context, completeReport(context))
    if ('pending' in found) {
      const consent = { yes: flags.yes, askAbove: flags['ask-above'], maxCost: flags['max-cost'] }
      const asked = { ...context, report: found.before, consent, answering: session.gemini, hasCap: true }
      await askToContinue(asked, { interactive: !this.jsonEnabled(), signal: this.signal })
    }
    const report = 'complete' in found ? found.complete : await this.#finish({ ...context, ...found }, session, flags)
    this.conclude(report)
    if (!this.jsonEnabled()) this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    return report
  }

  async #finish(
    context: RecordedContext & Pending & { before: RunReport },
    session: Session,
    flags: {
      'as-recorded': boolean
      notify?: string | undefined
      wait: boolean
      yes: boolean
      'ask-above': number | undefined
      'max-cost': number | undefined
      'max-failures': FailureLimit | undefined
    },
  ): Promise<RunReport> {
    const command = `resume ${context.runId}`
    await requireGeminiBackend(context.spec, { ...session, command, isChosen: this.hasChosenGemini })
    await this.answeredAsRecorded(context.spec)
    const options = { asRecorded: flags['as-recorded'], flags: session.target.flags }
    await explainInterruption(context, checkUnchanged(context.spec, options))
    const limits = { maxCost: flags['max-cost'], maxFailures: flags['max-failures'] }
    const { total: units } = context.before.units
    const about = { units, command, flags: session.target.flags }
    await explainInterruption(context, changeLimits(context.spec, limits, about))
    const interrupted = async (error: unknown): Promise<never> => {
      throw await errorForInterruptedRun(error, context)
    }
    const first = resumeStepsBeforeSpending(context, flags)
    const ready = await showPipeline(first, this.progress, this.signal).catch(interrupted)
    if (units === 0) {
      const counted = { ...about, units: ready.assets }
      await explainInterruption(context, changeLimits(context.spec, limits, counted))
    }
    const consent = { yes: flags.yes, askAbove: flags['ask-above'], maxCost: flags['max-cost'] }
    const asking = resumeQuestion({ ...ready, report: context.before }, { consent, answering: session.gemini })
    const asked = await explainInterruption(context, asking)
    if (asked) {
      const declined = `No model was called; run ${context.runId} is kept`
      await askToSpend(asked, { interactive: !this.jsonEnabled(), signal: this.signal, declined })
    }
    const others = resumeStepsThatSpend(pipeline(ready), context, flags)
    return finishedReport(await showPipeline(others, this.progress, this.signal).catch(interrupted))
  }
}
