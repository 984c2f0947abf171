import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'

import type { Session } from '../services/session/session.ts'
import { deploymentJson, deploymentText, type DeploymentJson } from '../services/session/target.ts'
import { teardownDeploymentContext, teardownDeploymentSteps } from '../services/teardown/deployment.ts'
import { pendingWork } from '../services/teardown/pending.ts'
import {
  checkRunExisted,
  resultTables,
  teardownContext,
  errorForUnfinishedTeardown,
  teardownSteps,
  type TeardownContext,
} from '../services/teardown/run.ts'
import { confirm } from '../ui/confirm.ts'
import { formatPlan } from '../ui/plan.ts'
import { showSteps } from '../ui/steps.ts'
import { forgetViewedRun } from '../services/view/cache-folder.ts'

export default class Teardown extends CloudCommand {
  static override summary = "Delete a run's resources, or a whole deployment, and keep the results"

  static override description = `Deletes a run's queue, topic, subscription, snapshot, view and objects in the bucket. A run with pending assets is torn down only after you confirm it, or with --yes; to stop it and keep it, use imagery cancel. It is stopped first: its queue sends no more tasks, and the teardown waits at most five minutes for the tasks in flight, so that their rows and costs are counted. The results table and the ledger of attempts are kept unless you pass --delete-results. Already deleted resources are skipped, so a teardown can be repeated; it needs only the run ID. With --deployment, deletes what imagery deploy created: services, images, service accounts with their roles, and the bucket. Datasets with results are kept, and APIs stay enabled.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    {
      description: 'Without a prompt, and including the results',
      command: '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local --delete-results --yes',
    },
    { description: 'The whole deployment', command: '<%= config.bin %> <%= command.id %> --deployment' },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix' }),
  }

  static override flags = {
    'delete-results': Flags.boolean({
      summary: 'also delete the results table and the ledger',
      exclusive: ['deployment'],
    }),
    deployment: Flags.boolean({ summary: 'delete the deployment itself' }),
    all: Flags.boolean({
      summary: 'with --deployment, also tear down its runs; their results are kept',
      dependsOn: ['deployment'],
    }),
    yes: Flags.boolean({ summary: 'skip the confirmation prompt', char: 'y' }),
  }

  async run(): Promise<TornDownRun | TornDownDeployment> {
    const { args, flags } = await this.parse(Teardown)
    // A flag that is not given is undefined, although its type says otherwise.
    const isOne = flags.deployment ? args.run_id === undefined : args.run_id !== undefined
    if (!isOne) {
      const what = flags.deployment ? 'takes either RUN_ID or --deployment, not both' : 'needs RUN_ID or --deployment'
      throw new ImageryError('INVALID_FLAG', `imagery teardown ${what}`, { suggestions: ['imagery teardown --help'] })
    }
    const session = await this.session(flags)
    return args.run_id === undefined ? this.#deployment(session, flags) : this.#run(session, args.run_id, flags)
  }

  async #run(
    session: Session,
    typed: string,
    flags: { 'delete-results': boolean; yes: boolean },
  ): Promise<TornDownRun> {
    // A flag that is not given is undefined, although its type says otherwise.
    const deleteResults = Boolean(flags['delete-results'])
    const options = { ...session, deleteResults, signal: this.signal }
    const context = await teardownContext(options, typed)
    const tables = resultTables(context)
    if (!flags.yes) await this.#confirmRun(context, deleteResults ? tables : [])
    try {
      await showSteps(teardownSteps(context), context, this.progress, this.signal)
    } catch (error) {
      throw errorForUnfinishedTeardown(error, context)
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
    checkRunExisted(context)
    const { runId, deleted, kept } = context
    if (deleteResults) await forgetViewedRun(this.config.cacheDir, runId)
    this.log(
      deleted.length === 0
        ? `\nRun ${runId} has nothing left to delete.`
        : `\nRun ${runId} is torn down.${kept.length > 0 ? ` Kept: ${kept.join(', ')}` : ''}`,
    )
    return { run_id: runId, deleted, kept }
  }

  /** Asks before tables are deleted or a run ends that has pending units. */
  async #confirmRun(context: TeardownContext, tables: readonly string[]): Promise<void> {
    const pending = await pendingWork(context)
    const deleted = tables.length > 0 ? `This permanently deletes ${tables.join(' and ')}` : undefined
    const kept = pending !== undefined && !context.deleteResults ? 'Its rows so far are kept' : undefined
    const sentences = [pending, kept, deleted].filter((text) => text !== undefined)
    if (sentences.length === 0) return
    const keep =
      pending === undefined
        ? []
        : [`${this.next(`cancel ${context.runId}`)}   (stops the run, which a resume can continue)`]
    await confirm(`${sentences.join('. ')}.`, {
      flag: '--yes',
      interactive: !this.jsonEnabled(),
      suggestions: ['Run the same command with --yes', ...keep],
      signal: this.signal,
    })
  }

  async #deployment(session: Session, flags: { all: boolean; yes: boolean }): Promise<TornDownDeployment> {
    const context = await teardownDeploymentContext({ ...session, signal: this.signal }, { all: flags.all })
    const { target, plan, runIds, deleted, kept } = context
    const what = deploymentText(target.place)
    if (plan.length === 0 && runIds.length === 0) {
      session.store.forgetDeployment(target.key)
      this.log(`There is nothing to delete: imagery is not deployed in ${what}.`)
      return { deployment: deploymentJson(target.place), deleted, kept }
    }
    if (!flags.yes) {
      const runs = runIds.length === 0 ? '' : `Runs\n${(await runLines(session, runIds)).join('\n')}\n`
      await confirm(`This deletes the deployment in ${what}.`, {
        before: `${runs}${formatPlan(plan)}\n`,
        flag: '--yes',
        interactive: !this.jsonEnabled(),
      })
    }
    await showSteps(teardownDeploymentSteps(context), context, this.progress, this.signal).finally(() =>
      context.warnings.forEach((warning) => this.warn(warning)),
    )
    session.store.forgetDeployment(target.key)
    this.log(`\nDeleted the deployment in ${what}.${kept.length > 0 ? ` Kept: ${kept.join(', ')}` : ''}`)
    return { deployment: deploymentJson(target.place), deleted, kept }
  }
}

/** One line for each run, with what its teardown ends for good. */
async function runLines(session: Session, runIds: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  for (const runId of runIds) {
    const pending = await pendingWork(await teardownContext({ ...session, deleteResults: false }, runId))
    lines.push(`  teardown  ${runId}${pending === undefined ? '' : `   ${pending}`}`)
  }
  return lines
}

interface TornDownRun {
  run_id: string
  deleted: string[]
  kept: string[]
}

interface TornDownDeployment {
  deployment: DeploymentJson
  deleted: string[]
  kept: string[]
}
