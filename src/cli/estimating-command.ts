import type { EstimateReport } from '../contracts/estimate-report.ts'
import { newRunContext, type CheckedOptions } from '../services/run/context.ts'
import { estimateSteps } from '../services/run/estimate.ts'
import { formatEstimate } from '../ui/estimate.ts'
import { showPipeline } from '../ui/steps.ts'
import { CloudCommand } from './cloud-command.ts'

/** A command that can estimate a run. */
export abstract class EstimatingCommand extends CloudCommand {
  /** Estimates a run and shows the estimate. Asks no model, so that a local cloud needs nothing that answers. */
  protected async estimate(
    checked: CheckedOptions,
    flags: Parameters<CloudCommand['session']>[0],
  ): Promise<EstimateReport> {
    const session = await this.session(flags)
    const context = newRunContext(checked, { ...session, runtimeFolder: '', signal: this.signal })
    try {
      const { report } = await showPipeline(estimateSteps(context), this.progress, this.signal)
      this.show(formatEstimate(report, { width: this.width }))
      return report
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
  }
}
