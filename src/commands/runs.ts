import { CloudCommand } from '../base-command.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { listRuns } from '../services/run-status.ts'
import { formatTable } from '../ui/table.ts'

export default class Runs extends CloudCommand {
  static override summary = 'List the runs, newest first'

  static override examples = ['<%= config.bin %> <%= command.id %> --local', '<%= config.bin %> <%= command.id %> --local --json']

  async run(): Promise<{ runs: RunReport[] }> {
    const { flags } = await this.parse(Runs)
    const { target, store } = await this.session(flags)
    const runs = await listRuns(target, store)
    if (runs.length === 0) this.log('No run yet.')
    else this.log(formatTable(['RUN', 'STATE', 'PROFILE', 'ASSETS', 'OK', 'FAILED', 'PENDING', 'STARTED', 'SOURCE'], runs.map(row), this.width))
    return { runs }
  }
}

function row(report: RunReport): unknown[] {
  const { total, ok, failed, pending } = report.units
  const started = report.started_at.slice(0, 16).replace('T', ' ')
  return [report.run_id, report.state, report.profile, total, ok, failed, pending, started, report.source]
}
