import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'

import type { Session } from '../services/session/session.ts'
import { deploymentJson, deploymentText, type DeploymentJson } from '../services/session/target.ts'
import { teardownDeploymentContext, teardownDeploymentSteps } from '../services/teardown/deployment.ts'
import {
  checkTornDown,
  resultTables,
  teardownContext,
  teardownEndedEarly,
  teardownSteps,
} from '../services/teardown/run.ts'
import { confirm } from '../ui/confirm.ts'
import { formatPlan } from '../ui/plan.ts'
import { showSteps } from '../ui/steps.ts'

export default class Teardown extends CloudCommand {
  static override summary = 'Remove all that a run made, or a whole deployment, and keep the results'

  static override description = `Deletes a run's queue, topic, subscription, snapshot, view and objects in the bucket. A run that is going on is stopped first: its queue sends nothing more, and what is in flight is waited for, five minutes at the most, so that rows and costs are counted. The results table and the ledger of attempts stay unless --delete-results is given. What is gone already is fine: a teardown can be repeated, and needs nothing but the run id. With --deployment, removes what imagery deploy has made: services, images, service accounts with their roles, and the bucket. Datasets with results stay, and so do the APIs that were enabled.`

  static override examples = [
    '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local',
    {
      description: 'Unattended, with the results',
      command: '<%= config.bin %> <%= command.id %> 261123-9f3c1a7b --local --delete-results --yes',
    },
    { description: 'All that was deployed', command: '<%= config.bin %> <%= command.id %> --deployment' },
  ]

  static override args = {
    run_id: Args.string({ description: 'run id, or any unique beginning of one' }),
  }

  static override flags = {
    'delete-results': Flags.boolean({
      summary: 'drop the results table and the ledger too',
      exclusive: ['deployment'],
    }),
    deployment: Flags.boolean({ summary: 'remove the deployment itself' }),
    all: Flags.boolean({
      summary: 'with --deployment, tear down its runs too, and keep their results',
      dependsOn: ['deployment'],
    }),
    yes: Flags.boolean({ summary: 'do not ask', char: 'y' }),
  }

  async run(): Promise<TornDownRun | TornDownDeployment> {
    const { args, flags } = await this.parse(Teardown)
    // A flag that is not given is undefined, whatever its type says.
    const isOne = flags.deployment ? args.run_id === undefined : args.run_id !== undefined
    if (!isOne) {
      const what = flags.deployment ? 'takes either RUN_ID or --deployment' : 'needs RUN_ID, or --deployment'
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
    // A flag that is not given is undefined, whatever its type says.
    const deleteResults = Boolean(flags['delete-results'])
    const options = { ...session, deleteResults, signal: this.signal }
    const context = await teardownContext(options, typed)
    const tables = resultTables(context)
    if (flags['delete-results'] && !flags.yes && tables.length > 0) {
      await confirm(`This deletes ${tables.join(' and ')} for good.`, {
        flag: '--yes',
        interactive: !this.jsonEnabled(),
      })
    }
    try {
      await showSteps(teardownSteps(context), context, this.progress, this.signal)
    } catch (error) {
      throw teardownEndedEarly(error, context)
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
    checkTornDown(context)
    const { runId, deleted, kept } = context
    this.log(
      deleted.length === 0
        ? `\nNothing was left of run ${runId}.`
        : `\nRun ${runId} is torn down.${kept.length > 0 ? ` Kept: ${kept.join(', ')}` : ''}`,
    )
    return { run_id: runId, deleted, kept }
  }

  async #deployment(session: Session, flags: { all: boolean; yes: boolean }): Promise<TornDownDeployment> {
    const context = await teardownDeploymentContext({ ...session, signal: this.signal }, { all: flags.all })
    const { target, plan, runIds, deleted, kept } = context
    const what = deploymentText(target.place)
    if (plan.length === 0 && runIds.length === 0) {
      session.store.forgetDeployment(target.key)
      this.log(`Nothing is left of the deployment in ${what}.`)
      return { deployment: deploymentJson(target.place), deleted, kept }
    }
    if (!flags.yes) {
      const runs = runIds.length === 0 ? '' : `Runs\n${runIds.map((runId) => `  teardown  ${runId}`).join('\n')}\n`
      await confirm(`This removes the deployment in ${what}.`, {
        before: `${runs}${formatPlan(plan)}\n`,
        flag: '--yes',
        interactive: !this.jsonEnabled(),
      })
    }
    await showSteps(teardownDeploymentSteps(context), context, this.progress, this.signal).finally(() =>
      context.warnings.forEach((warning) => this.warn(warning)),
    )
    session.store.forgetDeployment(target.key)
    this.log(`\nThe deployment in ${what} is gone.${kept.length > 0 ? ` Kept: ${kept.join(', ')}` : ''}`)
    return { deployment: deploymentJson(target.place), deleted, kept }
  }
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
