import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { listRuns } from '../services/runs/status.ts'
import { formatRuns } from '../ui/runs.ts'

export default class Runs extends CloudCommand {
  static override summary = 'List runs, newest first, with their state and cost'

  static override description =
    'Reads the runs from the cloud, so it works from any machine. Torn down runs are listed on the machine that tore them down.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> --local',
    '<%= config.bin %> <%= command.id %> --local --json',
    { description: 'The three newest', command: '<%= config.bin %> <%= command.id %> --limit 3' },
  ]

  static override flags = {
    limit: Flags.integer({ summary: 'list only the newest N runs (default: all)', min: 1, helpValue: 'N' }),
  }

  async run(): Promise<{ runs: RunReport[] }> {
    const { flags } = await this.parse(Runs)
    const { target, store } = await this.session(flags)
    const runs = await listRuns(target, store, { limit: flags.limit })
    if (runs.length === 0) this.log('No runs yet.')
    else this.show(formatRuns(runs, { width: this.width, flagsOf: (run) => this.flagsOf(run) }))
    return { runs }
  }
}
