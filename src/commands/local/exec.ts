import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { execInLocalCloud } from '../../services/local/exec.ts'

export default class LocalExec extends LocalCloudCommand {
  static override summary = 'Run a command beside a local cloud, and end with its exit code'

  static override description =
    'Finds or starts the local cloud, runs the command with the environment that points imagery and Google clients at it, and stops the cloud when it had to be started. imagery commands inside need no --local.'

  static override examples = ['<%= config.bin %> <%= command.id %> -- npm run integration-tests']

  static override strict = false

  static override enableJsonFlag = false

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(LocalExec)
    const [command, ...args] = argv.map(String)
    if (command === undefined) {
      throw new ImageryError('INVALID_FLAG', 'There is no command to run', {
        suggestions: ['imagery local exec -- npm test'],
      })
    }
    await this.session({ ...flags, local: true })
    process.exitCode = await execInLocalCloud(this.dataDirectory(flags['data-dir']), command, args, this.signal)
  }
}
