import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { localCloudStatus, type LocalCloudStatus } from '../../services/local/cloud.ts'
import { formatTable } from '../../ui/table.ts'
import { waitingNote } from '../../ui/unfinished.ts'
import { countText } from '../../contracts/count-text.ts'

export default class LocalStatus extends LocalCloudCommand {
  static override summary = 'Show the state of the local cloud'

  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json']

  async run(): Promise<LocalCloudStatus> {
    const { flags } = await this.parse(LocalStatus)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const status = await localCloudStatus(dataDirectory)
    if (status.stopping) {
      const { deliveries, model_calls: modelCalls, at_most_ms: atMostMs, answers } = status.stopping
      const stopNow = `Run ${this.next('local stop --now')}`
      const note = waitingNote({ deliveries, modelCalls, atMostMs }, { stopNow, isPaid: answers === 'forward' })
      this.log(`The local cloud in ${dataDirectory} is stopping.\n\n${note}`)
      return status
    }
    if (!status.running) {
      const state = status.phase === undefined ? 'No local cloud is running' : `A local cloud is ${status.phase}`
      this.log(`${state} in ${dataDirectory}.\n\nNext\n  ${this.next(status.phase ? 'local status' : 'local start')}`)
      return status
    }
    const rows = Object.entries(status.apis ?? {}).map(([api, counts]) => [
      api,
      Object.entries(counts)
        .map(([name, count]) => `${countText(count)} ${name}`)
        .join(', '),
    ])
    this.log(
      `The local cloud is running.\n\n  Data  ${dataDirectory}\n  REST  ${status.http}\n  gRPC  ${status.grpc} (TLS)\n`,
    )
    this.show(formatTable(['API', 'CONTENTS'], rows, this.width))
    if (status.gemini?.answers) this.log(`\nGemini answers from ${status.gemini.answers}.`)
    return status
  }
}
