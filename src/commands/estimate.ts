import { Flags } from '@oclif/core'
import { EstimatingCommand } from '../cli/estimating-command.ts'
import { consentFlags, runFlags, runOptions } from '../cli/run-flags.ts'
import { askToSpend } from '../cli/spend-question.ts'
import { ImageryError } from '../contracts/errors.ts'
import type { EstimateReport } from '../contracts/estimate-report.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { newRunContext } from '../services/run/context.ts'
import { errorForEarlyEnd } from '../services/run/early-end.ts'
import { estimateSteps } from '../services/run/estimate.ts'
import { checkSampled, earlierSampleText, sampledReport, sampleQuestion } from '../services/run/sampled-estimate.ts'
import { sampleToContinue } from '../services/run/sampled-run.ts'
import { MOST_SAMPLED, sampleSteps } from '../services/run/sample.ts'
import { formatEstimate } from '../ui/estimate.ts'
import { showPipeline } from '../ui/steps.ts'

export default class Estimate extends EstimatingCommand {
  static override summary = 'Estimate what a run would cost'

  static override description = `Counts the assets and images that a run would have, and estimates its tokens, its cost in each of Google's services, and its duration. Shows three sample assets, the columns of the results, and the cost with other models, tiers and media resolutions.

A table in BigQuery is only read; the bytes that this reads are shown. A local file is counted on this machine, or in a temporary table that is deleted again if it is Parquet or --where is set. No model is called. The same as imagery run --dry-run.

With --update RUN_ID, it also counts the assets that are new, changed, unchanged and gone since that run, and estimates only what a run with --update would ask.

With --sample N, a model is asked about N assets, spread over the kinds of assets and their numbers of images, and the estimate follows from what their answers cost. That costs about N times the price of one answer, usually less than 2 cents for 20. The command shows the amount and asks first; --yes or --max-cost answers in advance. The answers are the beginning of a run: imagery resume asks about the other assets, and nothing is paid twice.`

  static override examples = [
    {
      description: 'A table in BigQuery',
      command: '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations --profile utility-pole',
    },
    {
      description: 'A table in a local file, without an account',
      command:
        '<%= config.bin %> <%= command.id %> --local --table samples/street-signs/observations.jsonl --profile road-signs',
    },
    {
      description: 'An estimate from the answers about 20 assets, which costs at most 10 cents',
      command:
        '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations --profile road-signs --sample 20 --max-cost 0.1',
    },
    {
      description: 'Whether a limit would refuse the run',
      command:
        '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations --profile road-signs --tier flex --max-cost 25',
    },
  ]

  static override flags = {
    ...runFlags,
    limit: Flags.integer({ summary: 'only the first N assets, by ID', min: 1, helpValue: 'N' }),
    sample: Flags.integer({
      summary: `ask the model about N assets, which costs money, and narrow the estimate; N is at most ${MOST_SAMPLED}`,
      min: 1,
      max: MOST_SAMPLED,
      helpValue: 'N',
    }),
    yes: consentFlags.yes,
  }

  async run(): Promise<EstimateReport> {
    const { flags } = await this.parse(Estimate)
    const { sample: size, ...others } = flags
    const options = runOptions(others, true)
    if (size === undefined) return this.estimate(options, flags)
    if (options.update !== undefined || options.reuse) throw sampleOfUpdate(options.reuse === true)
    const runtimeFolder = await builtRuntime(this.config.root)
    const { session, checked } = await this.prepare(options, flags, { asks: true })
    checkSampled(checked)
    const context = newRunContext(checked, { ...session, runtimeFolder, signal: this.signal })
    try {
      const counted = await showPipeline(estimateSteps(context), this.progress, this.signal)
      const earlier = (await sampleToContinue(context))?.run_id
      const asked = sampleQuestion(counted, size, earlier)
      const declined = 'No model was called, and nothing was created'
      if (asked) await askToSpend(asked, { interactive: !this.jsonEnabled(), signal: this.signal, declined })
      if (earlier !== undefined)
        context.warnings.push(
          `${earlierSampleText(earlier)}. imagery run now continues this one; ${this.next(`teardown ${earlier}`)} deletes the earlier one`,
        )
      const sampled = await showPipeline(sampleSteps(context, size), this.progress, this.signal)
      const report = sampledReport({ ...counted, ...sampled })
      this.show(formatEstimate(report, { width: this.width }))
      const next = [`resume ${context.runId}`, `teardown ${context.runId}`].map((command) => `  ${this.next(command)}`)
      if (!this.jsonEnabled()) this.show(['', 'Next', ...next].join('\n'))
      return report
    } catch (error) {
      throw await errorForEarlyEnd(error, context)
    } finally {
      for (const warning of new Set(context.warnings)) this.warn(warning)
    }
  }
}

/** A sample begins a run of its own, which an update does not continue. */
function sampleOfUpdate(isReuse: boolean): ImageryError {
  const flag = isReuse ? '--reuse' : '--update'
  return new ImageryError('INVALID_FLAG', `--sample and ${flag} cannot be used together in an estimate`, {
    suggestions: ['Run the same command without --sample', `Run the same command without ${flag}`],
  })
}
