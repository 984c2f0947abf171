import { Args, Flags } from '@oclif/core'
import type { Comparison } from '@imagery/viewer/contract/comparison'
import { CloudCommand } from '../cli/cloud-command.ts'
import { truthColumnFlags, truthFlag } from '../cli/truth-flags.ts'
import { ImageryError } from '../contracts/errors.ts'
import { compareRuns } from '../services/judge/compare.ts'
import { openComparingTruth } from '../services/judge/open-truth.ts'
import { openJudgedRun } from '../services/judge/run-rows.ts'
import { formatComparison } from '../ui/comparison.ts'

export default class Compare extends CloudCommand {
  static override summary = 'Compare the answers of two runs'

  static override description =
    "Joins the rows of two runs by the assets' IDs, and shows for each column how often they agree, Cohen's kappa, and where they differ, with the cost and the latency of each run. With --truth, also shows which run is right more often, and McNemar's test of the difference. Two runs with the same --sample N --seed TEXT look at the same assets."

  static override examples = [
    {
      description: 'Two prompts, models or resolutions',
      command: '<%= config.bin %> <%= command.id %> 261123-9f 261123-a0 --local',
    },
    {
      description: 'Which one is right more often',
      command: '<%= config.bin %> <%= command.id %> 261123-9f 261123-a0 --local --truth truth.csv',
    },
    {
      description: 'Numbers that differ by at most half a meter agree',
      command: '<%= config.bin %> <%= command.id %> 261123-9f 261123-a0 --tolerance height=0.5 --json',
    },
  ]

  static override args = {
    run_a: Args.string({ description: 'ID or unique prefix of a run, A', required: true }),
    run_b: Args.string({ description: 'ID or unique prefix of the other run, B', required: true }),
  }

  static override flags = {
    truth: Flags.string(truthFlag),
    ...truthColumnFlags,
    tolerance: Flags.string({
      summary: 'how far numbers may be apart and still agree: 0.5, or 5%',
      helpValue: 'COLUMN=VALUE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  async run(): Promise<Comparison> {
    const { args, flags } = await this.parse(Compare)
    const { truth: given, id, column: columns, tolerance } = flags
    if (given === undefined && (id !== undefined || columns !== undefined)) {
      throw new ImageryError('INVALID_FLAG', '--id and --column name columns of the truth, and there is no --truth', {
        suggestions: [`imagery compare ${args.run_a} ${args.run_b} --truth FILE …`],
      })
    }
    const { signal } = this
    const { target, store } = await this.session(flags)
    const runs = {
      a: await openJudgedRun(target, store, args.run_a),
      b: await openJudgedRun(target, store, args.run_b),
    }
    const configurationFolder = this.config.configDir
    const truth =
      given === undefined
        ? undefined
        : await openComparingTruth(given, runs, { id, columns, configurationFolder, signal })
    const comparison = await compareRuns(runs, { truth, tolerance, signal })
    for (const warning of comparison.warnings) this.warn(warning)
    if (!this.jsonEnabled()) this.show(formatComparison(comparison, this.width))
    return comparison
  }
}
