import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { stopLocalCloud } from '../../services/local/stop.ts'
import { showNote } from '../../ui/steps.ts'
import { waitingNote } from '../../ui/unfinished.ts'

export default class LocalStop extends LocalCloudCommand {
  static override summary = 'Stop the local cloud and keep its state'

  static override description =
    'Sends no more work, and waits for work in progress. A model call that is cut off is made and billed again after the next start.'

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'Without waiting for calls in progress',
      command: '<%= config.bin %> <%= command.id %> --now',
    },
  ]

  static override flags = {
    now: Flags.boolean({ summary: 'cut off work in progress; it is repeated, and billed again, after the next start' }),
  }

  async run(): Promise<{ stopped: boolean }> {
    const { flags } = await this.parse(LocalStop)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const stopNow = `Run ${this.next('local stop --now')}`
    const stopped = await this.interruptible((waiting) =>
      stopLocalCloud(dataDirectory, {
        ...waiting,
        now: flags.now,
        unfinished: (unfinished, { gemini }) =>
          showNote(waitingNote(unfinished, { stopNow, isPaid: gemini === 'forward' }), this.progress),
      }),
    )
    this.log(stopped ? 'Stopped the local cloud. Its state is kept.' : 'No local cloud is running.')
    return { stopped }
  }
}
