import { CloudCommand } from '../cli/cloud-command.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { listRuns } from '../services/runs/status.ts'
import { formatTable } from '../ui/table.ts'

export default class Runs extends CloudCommand {
  static override summary = 'List runs, newest first'

  static override examples = [
    '<%= config.bin %> <%= command.id %> --local',
    '<%= config.bin %> <%= command.id %> --local --json',
  ]

  async run(): Promise<{ runs: RunReport[] }> {
    const { flags } = await this.parse(Runs)
    const { target, store } = await this.session(flags)
    const runs = await listRuns(target, store)
    if (runs.length === 0) this.log('No runs yet.')
    else this.show(formatTable(HEADER, runs.map(row), this.width, HEADER.slice(0, 5)))
    return { runs }
  }
}

/** The run ID contains the day; `status` shows the rest. */
const HEADER = ['RUN', 'STATE', 'OK', 'FAILED', 'PENDING', 'PROFILE', 'SOURCE']

function row({ run_id: runId, state, units, profile, source }: RunReport): unknown[] {
  return [runId, state, units.ok, units.failed, units.pending, profile, source]
}
