import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'
import {
  builtRuntime,
  deployContext,
  deployPlan,
  deployResult,
  INGRESS_CHOICES,
  MAIN_INSTANCES,
  modelOrigins,
  type DeployResult,
  type PlannedStep,
} from '../services/deploy/deploy.ts'
import { findDeployments, type FoundDeployment } from '../services/deploy/find-deployments.ts'
import { checkedDeploySteps } from '../services/doctor/preflight.ts'
import type { Session } from '../services/session/session.ts'
import { deploymentText } from '../services/session/target.ts'
import { formatPlan } from '../ui/plan.ts'
import { showNote, showPipeline } from '../ui/steps.ts'
import { formatTable } from '../ui/table.ts'

export default class Deploy extends CloudCommand {
  static override summary = "Deploy imagery's two services to Cloud Run"

  static override description = `Sets up a project that has billing enabled. Enables the APIs; creates a bucket, service accounts with only the roles they need, and an image built by Cloud Build; and deploys two private services, imagery-main and imagery-populate. Another deploy changes only what differs, or finishes a deploy that was interrupted. Deploy never prompts. imagery run --local deploys automatically. docs/deploy.md lists what is created, who needs which role, and how to undo it.`

  static override examples = [
    {
      description: 'To a Google Cloud project',
      command: '<%= config.bin %> <%= command.id %> --project my-project --region europe-west1',
    },
    { description: 'Show what would change', command: '<%= config.bin %> <%= command.id %> --dry-run' },
    { description: "List the project's deployments", command: '<%= config.bin %> <%= command.id %> --list' },
    { description: 'To the local cloud on this machine', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'Keep one instance of imagery-main running, and allow at most 50',
      command: '<%= config.bin %> <%= command.id %> --min-instances 1 --max-instances 50',
    },
  ]

  static override flags = {
    list: Flags.boolean({ summary: "list the project's deployments, in all regions and with all names" }),
    'dry-run': Flags.boolean({ summary: 'list every resource, role and API, and change nothing' }),
    image: Flags.string({
      summary: 'run this image instead of building one; prefer a digest to a tag',
      helpValue: 'IMAGE',
      exclusive: ['build'],
    }),
    build: Flags.boolean({
      summary:
        "build the image with Cloud Build; --no-build runs the source archive on Google's Node base image (Preview)",
      default: true,
      allowNo: true,
    }),
    'min-instances': Flags.integer({
      summary: 'minimum instances of imagery-main kept running (billed while idle)',
      min: 0,
      max: 1_000,
      default: 0,
      helpValue: 'N',
    }),
    'max-instances': Flags.integer({
      summary: `maximum instances of imagery-main (default: ${MAIN_INSTANCES}, or fewer if the project's quota allows no more)`,
      min: 1,
      max: 1_000,
      helpValue: 'N',
    }),
    ingress: Flags.option({
      options: INGRESS_CHOICES,
      summary: 'networks allowed to reach the services',
      default: 'all' as const,
    })(),
    'allow-model-origin': Flags.string({
      summary: "allow this origin as --gemini-endpoint of runs; it receives the runtime's access token; repeatable",
      helpValue: 'ORIGIN',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  async run(): Promise<DeployResult | { plan: PlannedStep[] } | { deployments: FoundDeployment[] }> {
    const { flags } = await this.parse(Deploy)
    const { image, build, ingress, 'min-instances': minInstances, 'max-instances': maxInstances } = flags
    if (maxInstances !== undefined && minInstances > maxInstances)
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
    if (!build) this.warn('--no-build uses a Preview feature of Cloud Run, which comes without support')
    context.signal = this.signal
    const deployed = await showPipeline(checkedDeploySteps(context), this.progress, this.signal).finally(() =>
      context.warnings.forEach((warning) => this.noteWarning(warning)),
    )
    const result = deployResult(deployed)
    if (session.target.kind === 'google') session.store.rememberDeployment(session.target.key, session.target.place)
    this.log(
      `\nDeployed to ${deploymentText(session.target.place)}.\n\nNext\n  ${this.next('run --table TABLE --profile PROFILE')}`,
    )
    return result
  }

  async #list({ target }: Session): Promise<{ deployments: FoundDeployment[] }> {
    const { projectId } = target.place
    const deployments = await findDeployments(projectId)
    const rows = deployments.map(({ name, region, state, main_url: url }) => [name ?? '-', region, state, url ?? ''])
    if (rows.length === 0) this.log(`Project ${projectId} has no deployments.\n\nNext\n  ${this.next('deploy')}`)
    else this.show(formatTable(['NAME', 'REGION', 'STATE', 'URL'], rows, this.width, ['REGION', 'URL']))
    return { deployments }
  }
}
