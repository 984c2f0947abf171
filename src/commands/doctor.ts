import path from 'node:path'
import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { EXIT_CODES } from '../contracts/errors.ts'
import { suggestedCommand } from '../contracts/suggested-command.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { runChecks, openingCheck, type CheckedThing } from '../services/doctor/doctor.ts'
import { deploymentJson, type DeploymentJson } from '../services/session/target.ts'
import { MAX_COST_USD } from '../services/self-test/commands.ts'
import { saveReport, selfTestReport, type SelfTestReport } from '../services/self-test/report.ts'
import { selfTestContext, selfTestSteps, throwawayName } from '../services/self-test/self-test.ts'
import { formatChecks } from '../ui/checks.ts'
import { confirm } from '../ui/confirm.ts'
import { formatSelfTest } from '../ui/self-test.ts'
import { showNote, showSteps } from '../ui/steps.ts'

export default class Doctor extends CloudCommand {
  static override summary = 'Check what a deployment and its runs need, and suggest fixes'

  static override description = `Checks credentials, project, billing, region, APIs, roles, organization policies, the Gemini model, the deployment and, with --table, a source. Changes nothing and costs nothing. Exits with 1 when a check fails. A question mark means that this account is not allowed to check.

--self-test goes further: it deploys imagery under a throwaway name, runs the sample, compares how Google behaves with docs/google-behavior.md, deletes everything that it created, also after Ctrl-C, and writes a report that names no project, account or folder, to attach to an issue. It takes about 15 minutes and costs a few cents on Google Cloud.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> --project my-project',
    {
      description: 'Before a run',
      command: '<%= config.bin %> <%= command.id %> --table my-project.city.latest_observations',
    },
    {
      description: 'Try everything on this machine',
      command: '<%= config.bin %> <%= command.id %> --self-test --local',
    },
  ]

  static override flags = {
    table: Flags.string({ summary: 'table you plan to run', char: 't', helpValue: 'TABLE' }),
    model: Flags.string({ summary: 'Gemini model you plan to use', helpValue: 'MODEL' }),
    location: Flags.string({ summary: 'Vertex AI location (default: global)', helpValue: 'LOCATION' }),
    'self-test': Flags.boolean({
      summary: 'deploy, run the sample, compare Google with docs/google-behavior.md, and delete everything again',
      exclusive: ['table', 'model', 'location', 'name'],
    }),
    report: Flags.string({
      summary: 'file for the report of --self-test (default: imagery-self-test.json)',
      dependsOn: ['self-test'],
      helpValue: 'FILE',
    }),
    yes: Flags.boolean({ summary: 'start the self-test without the prompt', char: 'y', dependsOn: ['self-test'] }),
  }

  async run(): Promise<
    { ok: boolean; deployment: DeploymentJson | null; checks: CheckedThing[] } | (SelfTestReport & { file: string })
  > {
    const { flags } = await this.parse(Doctor)
    if (flags['self-test']) return this.#selfTest(flags)
    const runtimeFolder = await builtRuntime(this.config.root)
    const opened = await this.session(flags).catch(openingCheck)
    const deployment = 'target' in opened ? deploymentJson(opened.target.place) : null
    const found = 'target' in opened ? await runChecks({ ...flags, target: opened.target, runtimeFolder }) : [opened]
    const checks = found.map((check) => ({ ...check, fixes: check.fixes.map((fix) => this.onSameCloud(fix)) }))
    const ok = checks.every(({ status }) => status !== 'failed')
    if (!ok) process.exitCode = EXIT_CODES.failed
    this.show(formatChecks(checks, this.width))
    return { ok, deployment, checks }
  }

  /** What an end of the process leaves behind, while a self-test runs. */
  #unfinished: string | undefined
  #isCleanupAnnounced = false

  /** The second Ctrl-C of a self-test says that the cleanup goes on; only the third one ends it. */
  protected override interruptedAgain(): void {
    if (this.#unfinished === undefined) return super.interruptedAgain()
    if (this.#isCleanupAnnounced) {
      showNote(this.#unfinished, 'lines')
      return super.interruptedAgain()
    }
    this.#isCleanupAnnounced = true
    showNote('Still deleting what the self-test created; press Ctrl-C again to leave it there', 'lines')
  }

  async #selfTest(flags: SelfTestFlags): Promise<SelfTestReport & { file: string }> {
    const frame = { version: this.config.version, root: this.config.root, startedAt: new Date() }
    const file = path.resolve(flags.report ?? 'imagery-self-test.json')
    const name = throwawayName()
    const { target, gemini } = await this.session({ ...flags, name })
    if (target.kind === 'google' && !flags.yes) {
      await confirm(
        `This deploys imagery to project ${target.place.projectId} and costs up to $${MAX_COST_USD} for Gemini.`,
        {
          flag: '--yes',
          interactive: !this.jsonEnabled(),
          declined: 'Nothing was created',
        },
      )
    }
    const cloud = flags.local
      ? ['--local', '--data-dir', this.dataDirectory(flags['data-dir']), '--name', name]
      : ['--project', target.place.projectId, '--region', target.place.region, '--name', name]
    const context = selfTestContext({
      target,
      launcher: { program: this.launcher(), cloud, signal: this.signal },
      sample: path.join(this.config.root, 'samples', 'street-signs', 'observations.jsonl'),
      hasGemini: target.kind === 'google' || gemini !== undefined,
      signal: this.signal,
      keepReport: (seen) => saveReport(file, selfTestReport(seen, frame)),
    })
    // Before anything is created: a report that cannot be written would be lost after 15 minutes.
    await context.keepReport(context)
    const cleanup = suggestedCommand('teardown --deployment --all', target.flags)
    this.#unfinished = `The self-test did not delete everything. To delete the rest: ${cleanup}. Report: ${file}`
    await showSteps(selfTestSteps(context), context, this.progress)
    this.#unfinished = undefined
    const report = selfTestReport(context, { ...frame, finishedAt: new Date() })
    await saveReport(file, report)
    if (context.bug !== undefined) {
      if (this.jsonEnabled()) this.noteWarning(`The report of the self-test is in ${file}`)
      else this.show(formatSelfTest(report, file))
      throw context.bug
    }
    if (!report.ok) process.exitCode = this.signal.aborted ? EXIT_CODES.interrupted : EXIT_CODES.failed
    this.show(formatSelfTest(report, file))
    return { ...report, file }
  }
}

interface SelfTestFlags {
  local: boolean
  'data-dir': string | undefined
  gemini: string | undefined
  project: string | undefined
  region: string | undefined
  report: string | undefined
  yes: boolean
}
