import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { EXIT_CODES } from '../contracts/errors.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { runChecks, openingCheck, type CheckedThing } from '../services/doctor/doctor.ts'
import { deploymentJson, type DeploymentJson } from '../services/session/target.ts'
import { formatChecks } from '../ui/checks.ts'

export default class Doctor extends CloudCommand {
  static override summary = 'Check all that a deployment and its runs need, with a fix for what is missing'

  static override description =
    'Looks at credentials, project, billing, region, APIs, roles, policies of the organisation, the Gemini model, the deployment, and with --table at a source. Changes nothing and costs nothing. Exits with 1 when a check has failed; what this account may not look at is marked with a question mark.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> --project my-project',
    {
      description: 'Before a run',
      command: '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations',
    },
  ]

  static override flags = {
    table: Flags.string({ summary: 'table that shall be run', char: 't', helpValue: 'TABLE' }),
    model: Flags.string({ summary: 'Gemini model that shall be asked', helpValue: 'MODEL' }),
    location: Flags.string({ summary: 'location of Vertex AI that answers (default: global)', helpValue: 'LOCATION' }),
  }

  async run(): Promise<{ ok: boolean; deployment: DeploymentJson | null; checks: CheckedThing[] }> {
    const { flags } = await this.parse(Doctor)
    const runtimeFolder = await builtRuntime(this.config.root)
    const opened = await this.session(flags).catch(openingCheck)
    const deployment = 'target' in opened ? deploymentJson(opened.target.place) : null
    const found = 'target' in opened ? await runChecks({ ...flags, target: opened.target, runtimeFolder }) : [opened]
    const checks = found.map((check) => ({ ...check, fixes: check.fixes.map((fix) => this.onSameCloud(fix)) }))
    const ok = checks.every(({ status }) => status !== 'failed')
    if (!ok) process.exitCode = EXIT_CODES.failed
    this.show(formatChecks(checks))
    return { ok, deployment, checks }
  }
}
