import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../base-command.ts'
import { checkTornDown, resultTables, teardownContext, teardownSteps } from '../services/teardown-run.ts'
import { confirm } from '../ui/confirm.ts'
import { showSteps } from '../ui/steps.ts'

export default class Teardown extends CloudCommand {
  static override summary = 'Remove all that a run made, and keep its results'

  static override description =
    'Deletes queue, topic, subscription, snapshot, view and the objects in the bucket. The results table and the ledger of attempts stay unless --delete-results is given. What is gone already is fine: a teardown can be repeated, and needs nothing but the run id.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    {
      description: 'Unattended, with the results',
      command: '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local --delete-results --yes',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run id, or any unique beginning of one', required: true }),
  }

  static override flags = {
    'delete-results': Flags.boolean({ summary: 'drop the results table and the ledger too' }),
    yes: Flags.boolean({ summary: 'do not ask', char: 'y' }),
  }

  async run(): Promise<{ run_id: string; deleted: string[]; kept: string[] }> {
    const { args, flags } = await this.parse(Teardown)
    const session = await this.session(flags)
    const context = await teardownContext({ ...session, deleteResults: flags['delete-results'] }, args.run_id)
    const tables = resultTables(context)
    if (flags['delete-results'] && !flags.yes && tables.length > 0) {
      await confirm(`This deletes ${tables.join(' and ')} for good.`, {
        flag: '--yes',
        interactive: !this.jsonEnabled(),
      })
    }
    await showSteps(teardownSteps, context, this.progress, this.signal)
    checkTornDown(context)
    const { runId, deleted, kept } = context
    this.log(
      deleted.length === 0
        ? `\nNothing was left of run ${runId}.`
        : `\nRun ${runId} is torn down.${kept.length > 0 ? ` Kept: ${kept.join(', ')}` : ''}`,
    )
    return { run_id: runId, deleted, kept }
  }
}
