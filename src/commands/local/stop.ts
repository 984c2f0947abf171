import { LocalCloudCommand } from '../../base-command.ts'
import { stopLocalCloud } from '../../services/local-cloud.ts'

export default class LocalStop extends LocalCloudCommand {
  static override summary = 'Stop the local cloud; its state stays'

  static override examples = ['<%= config.bin %> <%= command.id %>']

  async run(): Promise<{ stopped: boolean }> {
    const { flags } = await this.parse(LocalStop)
    const stopped = await stopLocalCloud(this.dataDirectory(flags['data-dir']))
    this.log(stopped ? 'The local cloud is stopped; its state stays.' : 'No local cloud is running.')
    return { stopped }
  }
}
