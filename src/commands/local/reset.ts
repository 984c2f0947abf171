import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { checkReset, resetLocalCloud } from '../../services/local/stop.ts'
import { confirm } from '../../ui/confirm.ts'

export default class LocalReset extends LocalCloudCommand {
  static override summary = 'Stop the local cloud and delete its data'

  static override examples = ['<%= config.bin %> <%= command.id %> --yes']

  static override flags = {
    yes: Flags.boolean({ summary: 'skip the confirmation prompt', char: 'y' }),
  }

  async run(): Promise<{ deleted: string | null }> {
    const { flags } = await this.parse(LocalReset)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    if (!flags.yes) {
      await checkReset(dataDirectory)
      await confirm(`This deletes every table, object and queue of the local cloud in ${dataDirectory}.`, {
        flag: '--yes',
        interactive: !this.jsonEnabled(),
      })
    }
    const isDeleted = await this.interruptible((waiting) => resetLocalCloud(dataDirectory, waiting))
    this.log(isDeleted ? `Deleted ${dataDirectory}.` : `There is nothing to delete in ${dataDirectory}.`)
    return { deleted: isDeleted ? dataDirectory : null }
  }
}
