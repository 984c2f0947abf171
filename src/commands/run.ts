import { Flags } from '@oclif/core'
import { EstimatingCommand } from '../cli/estimating-command.ts'
import { notifyFlags } from '../cli/notify-flags.ts'
import { consentFlags, runFlags, runOptions } from '../cli/run-flags.ts'
import type { EstimateReport } from '../contracts/estimate-report.ts'
import { askToSpend, askToContinue } from '../cli/spend-question.ts'
import type { RunReport } from '../contracts/run-report.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { newRunContext, type RunContext } from '../services/run/context.ts'
import {
  errorForEarlyEnd,
  errorForInterruptedRun,
  explainInterruption,
  finishedReport,
} from '../services/run/early-end.ts'
import { completeReport, resumeContext, resumeSteps } from '../services/run/resume.ts'
import { recordOwnLimits, sampleToContinue } from '../services/run/sampled-run.ts'
import { spendQuestion } from '../services/run/spend-question.ts'
import { stepsBeforeSpending, stepsThatSpend, type Counted } from '../services/run/start.ts'
import type { Finished } from '../services/run/steps.ts'
import { canAsk } from '../ui/confirm.ts'
import type { Session } from '../services/session/session.ts'
import { formatReport } from '../ui/report.ts'
import { showNote, showPipeline } from '../ui/steps.ts'
import { counted } from '../contracts/count-text.ts'

export default class Run extends EstimatingCommand {
  static override summary = 'Run a profile over every asset in a table'

  static override description = `Reads the table once into a snapshot, processes the assets in the background, and waits until every asset has a row. The results are a new BigQuery table; the source never changes.

With --update, the answers of an earlier run are carried over for every asset whose images, prompt, schema, model and settings are the same, so that only the others are asked and paid. The results have all of them, with the run that got each answer. An asset that failed before is asked again.

Exits with 0 when every asset succeeded, 3 when some failed (their rows give the reason), and 1 or 2 when the command itself failed.`

  static override examples = [
    {
      description: 'A table in a local file, without an account',
      command:
        '<%= config.bin %> <%= command.id %> --local --table samples/street-signs/observations.jsonl --profile image-quality',
    },
    {
      description: 'A folder of photos: one asset per photo or per subfolder',
      command: '<%= config.bin %> <%= command.id %> --local --table ./photos --profile resolution',
    },
    {
      description: 'A local table whose images are in another folder',
      command:
        '<%= config.bin %> <%= command.id %> --local --table signs.csv --image-root /mnt/photos --profile resolution',
    },
    {
      description: 'A Gemini profile, with recorded answers',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.jsonl --profile road-signs --gemini replay:answers.jsonl',
    },
    {
      description: 'With columns of the table in the results',
      command:
        '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations --profile road-signs --keep asset_type,capture_time',
    },
    {
      description: 'An even sample of the assets that match a condition',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.parquet --profile image-quality --where "asset_type = \'ASSET_CLASS_UTILITY_POLE\'" --sample 100',
    },
    {
      description: 'The same run again, paying only for what is new or changed',
      command: '<%= config.bin %> <%= command.id %> --update 261123-9f3c1a7b',
    },
    {
      description: "A new delivery of a dataset, with the answers of the last delivery's run",
      command:
        '<%= config.bin %> <%= command.id %> --update 261123-9f3c1a7b --table my-project.city_december.latest_observations',
    },
  ]

  static override flags = {
    ...runFlags,
    limit: Flags.integer({
      summary: 'process only the first N assets, by ID',
      min: 1,
      exclusive: ['sample'],
      helpValue: 'N',
    }),
    sample: Flags.integer({ summary: 'process an even sample of N assets', min: 1, helpValue: 'N' }),
    seed: Flags.string({
      summary: 'take the same sample of a table in every run with this seed, to compare profiles or models',
      dependsOn: ['sample'],
      helpValue: 'TEXT',
    }),
    output: Flags.string({
      summary: 'dataset or table for the results: DATASET or DATASET.TABLE',
      char: 'o',
      helpValue: 'NAME',
    }),
    ...notifyFlags,
    ...consentFlags,
    wait: Flags.boolean({ summary: 'wait until every asset is done', default: true, allowNo: true }),
    'dry-run': Flags.boolean({ summary: 'estimate the cost as imagery estimate does, and create nothing' }),
  }

  async run(): Promise<RunReport | EstimateReport> {
    const { flags } = await this.parse(Run)
    const options = runOptions(flags, flags.wait)
    if (flags['dry-run']) return this.estimate(options, flags)
    const runtimeFolder = await builtRuntime(this.config.root)
    const { session, checked, earlier } = await this.prepare(options, flags, { asks: true })
    if (!flags.wait) session.requirePersistentCloud()
    const context = newRunContext(checked, { ...session, runtimeFolder, signal: this.signal, earlier })
    const begun = earlier || options.reuse ? undefined : await sampleToContinue(context)
    const report = await finishedReport(
      begun ? await this.#continue(begun, { context, session, flags }) : await this.#work(context, flags),
    )
    this.conclude(report)
    if (!this.jsonEnabled()) this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    return report
  }

  /** Rolls back a run that fails before any asset was processed. A later failure leaves the run in place. */
  async #work(context: RunContext, flags: { wait: boolean }): Promise<Finished> {
    try {
      const steps = stepsBeforeSpending(context, { canAsk: canAsk(this.#terminal) })
      const counted = await showPipeline(steps, this.progress, this.signal)
      await this.#askToSpend(counted)
      return await showPipeline(stepsThatSpend(counted, flags), this.progress, this.signal)
    } catch (error) {
      throw await errorForEarlyEnd(error, context)
    } finally {
      this.#showWarnings(context)
    }
  }

  /** Continues the run that a sample of the same estimate has begun, so that its answers are not paid again. */
  async #continue(
    spec: RunSpec,
    { context: asked, session, flags }: { context: RunContext; session: Session; flags: { wait: boolean } },
  ): Promise<Finished> {
    const { runtimeFolder, options } = asked
    const context = await resumeContext({ ...session, runtimeFolder, signal: this.signal }, spec.run_id)
    await this.answeredAsRecorded(spec)
    const found = await explainInterruption(context, completeReport(context))
    if ('complete' in found) return { ...context, report: found.complete }
    const { before: report } = found
    const { ok, failed, total } = report.units
    showNote(`Continue run ${spec.run_id}, whose sample has ${counted(ok + failed, 'answer')}`, this.progress)
    const consent = { ...context, report, consent: options, answering: session.gemini, hasCap: true }
    await askToContinue(consent, { ...this.#terminal, signal: this.signal })
    await explainInterruption(context, recordOwnLimits(spec, options, total))
    return showPipeline(resumeSteps({ ...context, ...found }, flags), this.progress, this.signal).catch(
      async (error: unknown) => {
        throw await errorForInterruptedRun(error, context)
      },
    )
  }

  #showWarnings({ warnings }: Pick<RunContext, 'warnings'>): void {
    for (const warning of warnings.splice(0)) this.warn(warning)
  }

  get #terminal(): { interactive: boolean } {
    return { interactive: !this.jsonEnabled() }
  }

  /** Asks whether a run may cost its estimate, unless the user has said so. */
  async #askToSpend(counted: Counted): Promise<void> {
    const asked = spendQuestion(counted, counted.spending)
    if (asked === undefined) return
    // What is wrong with the source matters for the answer.
    this.#showWarnings(counted)
    counted.milestones.isAsking = true
    const question = `${asked.question} No model was called yet.`
    const declined = 'Nothing was started, and no model was called'
    await askToSpend({ ...asked, question }, { ...this.#terminal, signal: this.signal, declined })
    counted.milestones.isAsking = false
  }
}
