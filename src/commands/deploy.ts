import { CloudCommand } from '../base-command.ts'
import { builtRuntime, deployContext, deployResult, deploySteps, type DeployResult } from '../services/deploy.ts'
import { placeText } from '../services/target.ts'
import { showSteps } from '../ui/steps.ts'

export default class Deploy extends CloudCommand {
  static override summary = "Put imagery's two services on Cloud Run"

  static override description = `Uploads the bundled runtime and runs it as the private services imagery-main and imagery-populate. A second deploy changes only what differs; one that was interrupted is finished by the next. imagery run --local deploys by itself.`

  static override examples = [
    {
      description: 'In a project on Google',
      command: '<%= config.bin %> <%= command.id %> --project my-project --region europe-west1',
    },
    { description: 'On this machine', command: '<%= config.bin %> <%= command.id %> --local' },
  ]

  async run(): Promise<DeployResult> {
    const { flags } = await this.parse(Deploy)
    const runtimeFolder = await builtRuntime(this.config.root)
    const session = await this.session(flags)
    const context = deployContext(session.target, runtimeFolder)
    await showSteps(deploySteps, context, this.progress, this.signal)
    const result = deployResult(context)
    if (session.target.kind === 'google') session.store.rememberDeployment(session.target.key, result.place)
    this.log(
      `\nDeployed in ${placeText(result.place)}.\n\nNext\n  imagery run${session.target.flags} --table TABLE --profile PROFILE`,
    )
    return result
  }
}
