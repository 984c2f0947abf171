import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { execInLocalCloud } from '../../services/local/exec.ts'

export default class LocalExec extends LocalCloudCommand {
  static override summary = 'Run a command against a local cloud, and exit with its exit code'

  static override description =
    'Finds or starts the local cloud, and runs the command with environment variables that point imagery and Google clients at it. Stops the cloud afterward if it was started for the command. imagery commands inside do not need --local.'

  static override examples = ['<%= config.bin %> <%= command.id %> -- npm run integration-tests']

  static override strict = false

  static override enableJsonFlag = false

  async run(): Promise<void> {
    const { argv, flags } = await this.parse(LocalExec)
    const [command, ...args] = argv.map(String)
    if (command === undefined) {
      throw new ImageryError('INVALID_FLAG', 'The command to run is missing: imagery local exec -- COMMAND', {
        suggestions: ['imagery local exec -- npm test'],
      })
    }
    await this.session({ ...flags, local: true })
    process.exitCode = await execInLocalCloud(this.dataDirectory(flags['data-dir']), command, args, this.signal)
  }
}
