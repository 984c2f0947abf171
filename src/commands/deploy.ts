import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'
import {
  builtRuntime,
  deployContext,
  deployPlan,
  deployResult,
  deploySteps,
  INGRESS_CHOICES,
  modelOrigins,
  type DeployResult,
  type PlannedStep,
} from '../services/deploy/deploy.ts'
import { findDeployments, type FoundDeployment } from '../services/deploy/find-deployments.ts'
import { preflight } from '../services/doctor/preflight.ts'
import type { Session } from '../services/session/session.ts'
import { deploymentText } from '../services/session/target.ts'
import { formatPlan } from '../ui/plan.ts'
import { showNote, showSteps } from '../ui/steps.ts'
import { formatTable } from '../ui/table.ts'

export default class Deploy extends CloudCommand {
  static override summary = "Put imagery's two services on Cloud Run"

  static override description = `Takes a project with billing to two private services: enables APIs, makes a bucket, service accounts with the fewest roles and an image, which Google builds, and deploys imagery-main and imagery-populate. A second deploy changes only what differs; one that was interrupted is finished by the next. imagery run --local deploys by itself. docs/deploy.md says what is made, who needs which role, and how to undo it all.`

  static override examples = [
    {
      description: 'In a project on Google',
      command: '<%= config.bin %> <%= command.id %> --project my-project --region europe-west1',
    },
    { description: 'What would be done', command: '<%= config.bin %> <%= command.id %> --dry-run' },
    { description: 'What there is', command: '<%= config.bin %> <%= command.id %> --list' },
    { description: 'On this machine', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'With an instance of imagery-main always ready, and fifty at most',
      command: '<%= config.bin %> <%= command.id %> --min-instances 1 --max-instances 50',
    },
  ]

  static override flags = {
    list: Flags.boolean({ summary: "show the project's deployments, of every region and name" }),
    'dry-run': Flags.boolean({ summary: 'show every resource, role and API, and change nothing' }),
    image: Flags.string({
      summary: 'run this image, best named by its digest, instead of building one',
      helpValue: 'IMAGE',
      exclusive: ['build'],
    }),
    build: Flags.boolean({
      summary: "have Google build the image; without, run the source archive on Google's Node base image (Preview)",
      default: true,
      allowNo: true,
    }),
    'min-instances': Flags.integer({
      summary: 'instances of imagery-main that are always there, and cost money',
      min: 0,
      max: 1_000,
      default: 0,
      helpValue: 'N',
    }),
    'max-instances': Flags.integer({
      summary: 'the most instances of imagery-main',
      min: 1,
      max: 1_000,
      default: 100,
      helpValue: 'N',
    }),
    ingress: Flags.option({
      options: INGRESS_CHOICES,
      summary: 'from where the services can be reached by those who may call them',
      default: 'all' as const,
    })(),
    'allow-model-origin': Flags.string({
      summary: "let runs name this origin as --gemini-endpoint, where the runtime's access token is shown; repeatable",
      helpValue: 'ORIGIN',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  async run(): Promise<DeployResult | { plan: PlannedStep[] } | { deployments: FoundDeployment[] }> {
    const { flags } = await this.parse(Deploy)
    const { image, build, ingress, 'min-instances': minInstances, 'max-instances': maxInstances } = flags
    if (minInstances > maxInstances)
      throw new ImageryError(
        'INVALID_FLAG',
        `--min-instances ${minInstances} is more than --max-instances ${maxInstances}`,
      )
    const origins = modelOrigins(flags['allow-model-origin'] ?? [])
    const runtimeFolder = await builtRuntime(this.config.root)
    const session = await this.session(flags)
    if (flags.list) return this.#list(session)
    const options = { image, build, ingress, minInstances, maxInstances, modelOrigins: origins }
    const context = deployContext(session.target, runtimeFolder, options)
    if (flags['dry-run']) {
      const plan = await deployPlan(context, (title) => showNote(title, this.progress))
      this.show(`\n${formatPlan(plan)}\n\nNothing was changed.`)
      return { plan }
    }
    if (!build) this.warn('Without a build: a Preview feature of Cloud Run, without support')
    await showSteps([preflight, ...deploySteps(context)], context, this.progress, this.signal).finally(() =>
      context.warnings.forEach((warning) => this.noteWarning(warning)),
    )
    const result = deployResult(context)
    if (session.target.kind === 'google') session.store.rememberDeployment(session.target.key, session.target.place)
    this.log(
      `\nDeployed in ${deploymentText(session.target.place)}.\n\nNext\n  ${this.next('run --table TABLE --profile PROFILE')}`,
    )
    return result
  }

  async #list({ target }: Session): Promise<{ deployments: FoundDeployment[] }> {
    const { projectId } = target.place
    const deployments = await findDeployments(projectId)
    const rows = deployments.map(({ name, region, state, main_url: url }) => [name ?? '-', region, state, url ?? ''])
    if (rows.length === 0) this.log(`There is no deployment in project ${projectId}.\n\nNext\n  ${this.next('deploy')}`)
    else this.show(formatTable(['NAME', 'REGION', 'STATE', 'URL'], rows, this.width, ['REGION', 'URL']))
    return { deployments }
  }
}
