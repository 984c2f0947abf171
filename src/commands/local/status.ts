import { LocalCloudCommand } from '../../base-command.ts'
import { localCloudStatus, type LocalCloudStatus } from '../../services/local-cloud.ts'
import { formatTable } from '../../ui/table.ts'

export default class LocalStatus extends LocalCloudCommand {
  static override summary = 'Show what the local cloud holds'

  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  async run(): Promise<LocalCloudStatus> {
    const { flags } = await this.parse(LocalStatus)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const status = await localCloudStatus(dataDirectory)
    if (status.stopping) {
      const { deliveries, model_calls: modelCalls, at_most_ms: atMostMs } = status.stopping
      this.log(
        `The local cloud on ${dataDirectory} is stopping. It waits for ${deliveries} tasks under way and ${modelCalls} calls to the model, for ${Math.ceil(atMostMs / 1_000)} s at the most.\n\nNext\n  imagery local stop --now${this.folderFlag(flags['data-dir'])}`,
      )
      return status
    }
    if (!status.running) {
      this.log(
        `No local cloud is running on ${dataDirectory}.\n\nNext\n  imagery local start${this.folderFlag(flags['data-dir'])}`,
      )
      return status
    }
    const rows = Object.entries(status.apis ?? {}).map(([api, counts]) => [
      api,
      Object.entries(counts)
        .map(([name, count]) => `${count.toLocaleString('en')} ${name}`)
        .join(', '),
    ])
    this.log(
      `The local cloud is up.\n\n  Data  ${dataDirectory}\n  REST  ${status.http}\n  gRPC  ${status.grpc} (TLS)\n`,
    )
    this.show(formatTable(['API', 'HOLDS'], rows, this.width))
    if (status.gemini?.answers) this.log(`\nGemini answers from ${status.gemini.answers}.`)
    return status
  }
}
