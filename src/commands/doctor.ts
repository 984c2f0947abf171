import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { EXIT_CODES } from '../contracts/errors.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { runChecks, openingCheck, type CheckedThing } from '../services/doctor/doctor.ts'
import { deploymentJson, type DeploymentJson } from '../services/session/target.ts'
import { formatChecks } from '../ui/checks.ts'

export default class Doctor extends CloudCommand {
  static override summary = 'Check what a deployment and its runs need, and suggest fixes'

  static override description =
    'Checks credentials, project, billing, region, APIs, roles, organization policies, the Gemini model, the deployment and, with --table, a source. Changes nothing and costs nothing. Exits with 1 when a check fails. A question mark means that this account is not allowed to check.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> --project my-project',
    {
      description: 'Before a run',
      command: '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations',
    },
  ]

  static override flags = {
    table: Flags.string({ summary: 'table you plan to run', char: 't', helpValue: 'TABLE' }),
    model: Flags.string({ summary: 'Gemini model you plan to use', helpValue: 'MODEL' }),
    location: Flags.string({ summary: 'Vertex AI location (default: global)', helpValue: 'LOCATION' }),
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
