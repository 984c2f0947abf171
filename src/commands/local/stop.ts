import { LocalCloudCommand } from '../../base-command.ts'
import { stopLocalCloud } from '../../services/stop-local-cloud.ts'

export default class LocalStop extends LocalCloudCommand {
  static override summary = 'Stop the local cloud; its state stays'

  static override examples = ['<%= config.bin %> <%= command.id %>']

  async run(): Promise<{ stopped: boolean }> {
    const { flags } = await this.parse(LocalStop)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const stopped = await this.interruptible((waiting) => stopLocalCloud(dataDirectory, waiting))
    this.log(stopped ? 'The local cloud is stopped; its state stays.' : 'No local cloud is running.')
    return { stopped }
  }
}
