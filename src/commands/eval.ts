import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { truthColumnFlags, truthFlag } from '../cli/truth-flags.ts'
import { EXIT_CODES } from '../contracts/errors.ts'
import type { Evaluation } from '../contracts/evaluation.ts'
import { evaluate, evaluationWarnings } from '../services/judge/evaluate.ts'
import { openTruth } from '../services/judge/open-truth.ts'
import { openJudgedRun } from '../services/judge/run-rows.ts'
import { belowText, formatEvaluation } from '../ui/evaluation.ts'

export default class Eval extends CloudCommand {
  static override summary = "Compare a run's answers with the truth"

  static override description =
    "Joins the rows of a table of true values to the run's assets by their IDs, and judges every column that both have: enum and true-or-false columns by class, with precision, recall, F1 and a confusion matrix, numbers with a tolerance, and texts without regard to case and spaces. A failed asset counts as wrong, and an empty cell of the truth judges nothing. --truth reviews uses the marks of imagery view."

  static override examples = [
    {
      description: 'The columns that a file and the answer have in common',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --truth truth.csv',
    },
    {
      description: 'Columns with other names, and numbers that may be off by 5 %',
      command:
        '<%= config.bin %> <%= command.id %> 261123-9f --truth my-project.city.survey --id pole_no --column kind=pole_type --tolerance height=5%',
    },
    {
      description: 'In CI: exit code 3 if the category is right for fewer than 90 % of the assets',
      command:
        '<%= config.bin %> <%= command.id %> 261123-9f --truth truth.csv --min-accuracy category=0.9 --json > evaluation.json',
    },
    {
      description: 'The marks of a review',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --truth reviews',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    truth: Flags.string({ ...truthFlag, required: true }),
    ...truthColumnFlags,
    tolerance: Flags.string({
      summary: 'how far a number may be off and still be right: 0.5, or 5% of the true value',
      helpValue: 'COLUMN=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'min-accuracy': Flags.string({
      summary: 'end with exit code 3 if the accuracy of a column is lower: 0.9 or 90%',
      helpValue: 'COLUMN=SHARE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  async run(): Promise<Evaluation> {
    const { args, flags } = await this.parse(Eval)
    const { signal } = this
    const { target, store } = await this.session(flags)
    const run = await openJudgedRun(target, store, args.run_id)
    const truth = await openTruth(flags.truth, run, {
      id: flags.id,
      columns: flags.column,
      configurationFolder: this.config.configDir,
      signal,
    })
    const judging = { tolerance: flags.tolerance, minAccuracy: flags['min-accuracy'] }
    const evaluation = await evaluate(run, truth, judging, signal)
    for (const warning of evaluationWarnings(run, evaluation)) this.warn(warning)
    if (!this.jsonEnabled()) this.show(formatEvaluation(evaluation, this.width))
    if (evaluation.below_minimum.length > 0) {
      process.exitCode = EXIT_CODES.someAssetsFailed
      if (this.jsonEnabled()) for (const below of evaluation.below_minimum) this.noteWarning(belowText(below))
    }
    return evaluation
  }
}
