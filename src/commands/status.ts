import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { RunReport } from '../contracts/run-report.ts'
import type { Step, StepReporter } from '../contracts/steps.ts'
import { findRun, runStatus, watchedStatus, errorForEndedWatch } from '../services/runs/status.ts'
import type { WatchOptions } from '../services/runs/watch.ts'
import { formatReport } from '../ui/report.ts'
import { showNote, showSteps } from '../ui/steps.ts'

export default class Status extends CloudCommand {
  static override summary = "Show a run's progress"

  static override description =
    "Counts the run's rows. Works from any machine. If the run is complete and its results table is not written yet, writes it. With --watch, follows the run, and exits with 0 when every asset has succeeded, 3 when some have failed, and 1 when the run was stopped, torn down or has stalled. Ctrl-C ends only the watch."

  static override examples = [
    { description: 'The newest run', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'One run, by a unique prefix of its ID, until every asset is done',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --watch --local',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    watch: Flags.boolean({
      summary: 'follow the run until every asset is done, or the run is stopped or torn down',
      char: 'w',
    }),
  }

  async run(): Promise<RunReport> {
    const { args, flags } = await this.parse(Status)
    const { target, store } = await this.session(flags)
    const run = await findRun(target, store, args.run_id)
    if (run.spec) await this.answeredAsRecorded(run.spec)
    let report = await runStatus(run, target.flags)
    if (!run.spec && run.isTeardownUnfinished) {
      this.warn(
        `the teardown of run ${run.runId} is not finished; if it was interrupted, finish it with: imagery teardown ${run.runId}${target.flags}`,
      )
    }
    if (flags.watch && report.units.pending > 0 && report.state !== 'torn_down') {
      const watch: Step<{ report: RunReport }> = {
        title: `Run ${run.runId}`,
        run: async (context, reporter) => {
          context.report = await watchedStatus(run, {
            signal: this.signal,
            flags: target.flags,
            ...this.#shown(reporter),
          })
        },
      }
      const context = { report }
      await showSteps([watch], context, this.progress).catch((error: unknown) => {
        throw errorForEndedWatch(error, { runId: run.runId, target })
      })
      report = context.report
    }
    if (flags.watch || report.stray_rows) this.conclude(report)
    if (!this.jsonEnabled()) this.show(formatReport(report, { flags: this.cloudFlags, width: this.width }))
    return report
  }

  /** The line of progress is redrawn in place on a terminal. Elsewhere, there is one line for each change. */
  #shown(reporter: StepReporter): Pick<WatchOptions, 'reporter' | 'changed'> {
    if (this.progress !== 'lines') return { reporter }
    return { reporter: { detail: () => undefined }, changed: (line) => showNote(line, this.progress) }
  }
}
