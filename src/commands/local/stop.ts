import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { stopLocalCloud } from '../../services/local/stop.ts'
import { showNote } from '../../ui/steps.ts'
import { waitingNote } from '../../ui/unfinished.ts'

export default class LocalStop extends LocalCloudCommand {
  static override summary = 'Stop the local cloud; its state stays'

  static override description =
    'Sends out no more work and waits for what is under way: a call to a model that is cut off is made and paid again after the next start.'

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'Without waiting for calls under way',
      command: '<%= config.bin %> <%= command.id %> --now',
    },
  ]

  static override flags = {
    now: Flags.boolean({ summary: 'cut off what is under way: it is done, and paid, again after the next start' }),
  }

  async run(): Promise<{ stopped: boolean }> {
    const { flags } = await this.parse(LocalStop)
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const stopNow = `Type ${this.next('local stop --now')}`
    const stopped = await this.interruptible((waiting) =>
      stopLocalCloud(dataDirectory, {
        ...waiting,
        now: flags.now,
        unfinished: (unfinished, { gemini }) =>
          showNote(waitingNote(unfinished, { stopNow, isPaid: gemini === 'forward' }), this.progress),
      }),
    )
    this.log(stopped ? 'The local cloud is stopped; its state stays.' : 'No local cloud is running.')
    return { stopped }
  }
}
