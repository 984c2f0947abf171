import { Flags } from '@oclif/core'
import { EstimatingCommand } from '../cli/estimating-command.ts'
import { runFlags, runOptions } from '../cli/run-flags.ts'
import type { EstimateReport } from '../contracts/estimate-report.ts'
import { checkRunOptions } from '../services/run/context.ts'

export default class Estimate extends EstimatingCommand {
  static override summary = 'Estimate what a run would cost, and create nothing'

  static override description = `Counts the assets and images that a run would have, and estimates its tokens, its cost in each of Google's services, and its duration. Shows three sample assets, the columns of the results, and the cost with other models, tiers and media resolutions.

A table in BigQuery is only read; the bytes that this reads are shown. A local file is counted on this machine, or in a temporary table that is deleted again if it is Parquet or --where is set. No model is called. The same as imagery run --dry-run.`

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
      description: 'Whether a limit would refuse the run',
      command:
        '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations --profile road-signs --tier flex --max-cost 25',
    },
  ]

  static override flags = {
    ...runFlags,
    limit: Flags.integer({ summary: 'only the first N assets, by ID', min: 1, helpValue: 'N' }),
  }

  async run(): Promise<EstimateReport> {
    const { flags } = await this.parse(Estimate)
    return this.estimate(await checkRunOptions(runOptions(flags, true)), flags)
  }
}
