import { Args } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { ShownUnit } from '../contracts/shown-asset.ts'
import { showAsset } from '../services/results/show.ts'
import { openCurrentRows, openLedger } from '../services/runs/results.ts'
import { formatUnits } from '../ui/asset.ts'

export default class Show extends CloudCommand {
  static override summary = 'Print everything about one asset of a run'

  static override description =
    "Prints the asset's answer, its images, and every attempt with its cause, tokens, cost, latency, model version and exact answer, as the results and the ledger have them. Works while the run is in progress, too."

  static override examples = [
    { description: 'An asset', command: '<%= config.bin %> <%= command.id %> 261123-9f pole-17 --local' },
    {
      description: 'What the model wrote, for a program',
      command: '<%= config.bin %> <%= command.id %> 261123-9f pole-17 --local --json',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix', required: true }),
    asset: Args.string({ description: 'ID of the asset, or of one unit of it', required: true }),
  }

  async run(): Promise<{ run_id: string; units: ShownUnit[] }> {
    const { args, flags } = await this.parse(Show)
    const { target, store } = await this.session(flags)
    const rows = await openCurrentRows(target, store, args.run_id)
    if (rows.warning !== undefined) this.warn(rows.warning)
    const units = await showAsset(rows, await openLedger(target, store, rows.runId), args.asset)
    if (!this.jsonEnabled()) this.show(formatUnits(units, this.width))
    return { run_id: rows.runId, units }
  }
}
