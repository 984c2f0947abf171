import { Args } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { cancelContext, cancelSteps, completeReport, errorForUnfinishedCancel } from '../services/runs/cancel.ts'
import { formatReport } from '../ui/report.ts'
import { showSteps } from '../ui/steps.ts'

export default class Cancel extends CloudCommand {
  static override summary = 'Stop a run and keep what it has'

  static override description =
    'Stops a run that is in progress on any machine: no more calls to its model start, and its queues are paused. Waits at most five minutes for the calls in progress, so that their rows and costs are counted. Deletes nothing: imagery results prints the rows so far, and imagery resume continues the run without paying for anything twice. It is safe to cancel a run again.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    { description: 'The newest run', command: '<%= config.bin %> <%= command.id %> --local --json' },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  async run(): Promise<RunReport> {
    const { args, flags } = await this.parse(Cancel)
    const { target, store } = await this.session(flags)
    const context = await cancelContext({ target, store, signal: this.signal }, args.run_id)
    await this.answeredAsRecorded(context.spec)
    const report = await this.#cancel(context)
    if (!this.jsonEnabled()) this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    return report
  }

  async #cancel(context: Parameters<typeof completeReport>[0]): Promise<RunReport> {
    try {
      const complete = await completeReport(context)
      if (complete) {
        this.log(`Run ${complete.run_id} is complete, so there was nothing to cancel.`)
        return complete
      }
      await showSteps(cancelSteps, context, this.progress, this.signal)
    } catch (error) {
      throw errorForUnfinishedCancel(error, context)
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
    if (!context.report) throw new Error('the last step has no report')
    return context.report
  }
}
