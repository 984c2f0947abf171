import { BaseCommand } from './base-command.ts'
import path from 'node:path'
import { Flags, type Interfaces } from '@oclif/core'
import { EXIT_CODES, ImageryError } from '../contracts/errors.ts'
import type { DeploymentRef } from '../contracts/names.ts'
import { isRunReport, strayRowsText, type RunReport } from '../contracts/run-report.ts'
import type { GeminiOptions, RunSpec } from '../contracts/run-spec.ts'
import { DEFAULT_REGION, settingFault } from '../contracts/settings.ts'
import { parseGeminiChoice } from '@imagery/local-cloud/contract/gemini-choice'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { cloudFlags, suggestedCommands } from '../contracts/suggested-command.ts'
import { geminiBackendOf, resolveGeminiBackend } from '../services/session/gemini-availability.ts'
import {
  cancelQueriesOn,
  openGoogleSession,
  openLocalSession,
  queriesSettled,
  type Session,
} from '../services/session/session.ts'
import type { GivenSettings } from '../services/session/settings.ts'
import type { Waiting } from '../services/local/wait-for-folder.ts'
import { showNote } from '../ui/steps.ts'

/** The deployment on Google Cloud that a command works on. Does not use oclif's `env`, because it matters where a value is set (`services/session/settings.ts`). */
export const settingFlags = {
  project: Flags.string({
    description: "Google Cloud project ID (default: IMAGERY_PROJECT, imagery config, gcloud's configuration)",
    helpGroup: 'GLOBAL',
    helpValue: 'PROJECT',
  }),
  region: Flags.string({
    description: `region of the deployment (default: IMAGERY_REGION, imagery config, gcloud's configuration, ${DEFAULT_REGION})`,
    helpGroup: 'GLOBAL',
    helpValue: 'REGION',
  }),
  name: Flags.string({
    description:
      'name of the deployment, if the project and region have several (default: IMAGERY_NAME, imagery config)',
    helpGroup: 'GLOBAL',
    helpValue: 'NAME',
  }),
}

/** The flags that decide which cloud a command works on. */
interface CloudFlags extends GivenSettings {
  local?: boolean
  'data-dir'?: string | undefined
  gemini?: string | undefined
}

/** A command that works on the local cloud in a data folder. */
export abstract class LocalCloudCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    local: Flags.boolean({
      description: 'use the local cloud on this machine, and start it if needed: no account, no network',
      env: 'IMAGERY_LOCAL',
      helpGroup: 'GLOBAL',
    }),
    'data-dir': Flags.directory({
      description: "folder of the local cloud's data (default: the platform's per-user data folder)",
      env: 'IMAGERY_DATA_DIR',
      helpGroup: 'GLOBAL',
      helpValue: 'FOLDER',
    }),
    gemini: Flags.string({
      description:
        "source of Gemini's answers in a local cloud: replay:FILE, script:FILE or forward (packages/local-cloud/docs/local-cloud.md)",
      env: 'IMAGERY_GEMINI',
      helpGroup: 'GLOBAL',
      helpValue: 'VALUE',
    }),
  }

  readonly #cancel = new AbortController()
  #isCancellable = false
  #session: Session | undefined

  #backend: string | undefined

  /** The parsed flags. */
  #typed: CloudFlags = {}

  protected override get place(): DeploymentRef | undefined {
    return this.#session?.target.place
  }

  protected override get cloudFlags(): string {
    const { local, 'data-dir': folder, project, region, name } = this.#typed
    if (this.#session && this.#session.target.kind !== 'local') return this.#session.target.flags
    // A command that takes no project works only on a local cloud.
    if (local || !('project' in this.ctor.baseFlags))
      return this.#localFlags(folder, name, this.#backend ?? this.#session?.gemini)
    return cloudFlags({ project, region, name })
  }

  /** The commands that the report of a run suggests need the flags of its cloud, as those of an error do. */
  protected override toSuccessJson(result: unknown): unknown {
    const { runs } = (result ?? {}) as { runs?: unknown }
    return super.toSuccessJson(
      Array.isArray(runs)
        ? { ...(result as object), runs: runs.map((run) => this.#pointed(run)) }
        : this.#pointed(result),
    )
  }

  #pointed(result: unknown): unknown {
    if (!isRunReport(result)) return result
    const { failure_groups: groups, stopped } = result
    const flags = this.flagsOf(result)
    const pointed = (text: string): string => suggestedCommands(text, flags)
    const { next, failure_next: fix } = stopped ?? {}
    return {
      ...result,
      ...(groups ? { failure_groups: groups.map((group) => ({ ...group, next: pointed(group.next) })) } : {}),
      ...(stopped
        ? { stopped: { ...stopped, ...(next && { next: pointed(next) }), ...(fix && { failure_next: pointed(fix) }) } }
        : {}),
    }
  }

  /** The flags of the cloud for commands that continue a run. They name what answers it, whatever other runs have. */
  protected flagsOf({ answers }: Pick<RunReport, 'answers'>): string {
    const { 'data-dir': folder, name } = this.#typed
    const isStandIn = this.#session?.target.kind === 'local' && answers && parseGeminiChoice(answers.by) !== undefined
    return isStandIn ? this.#localFlags(folder, name, answers.by) : this.cloudFlags
  }

  #localFlags(folder: string | undefined, name: string | undefined, gemini?: string): string {
    const isDefault = folder === undefined || this.dataDirectory(folder) === this.dataDirectory(undefined)
    return cloudFlags({ local: true, dataDir: isDefault ? undefined : folder, name: name || undefined, gemini })
  }

  protected override async parse<
    Given extends Record<string, unknown>,
    Base extends Record<string, unknown>,
    Args extends Record<string, unknown>,
  >(
    options?: Interfaces.Input<Given, Base, Args>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<Given, Base, Args>> {
    const parsed = await super.parse<Given, Base, Args>(options, argv)
    this.#typed = parsed.flags as CloudFlags
    return parsed
  }

  /**
   * Aborted by the first Ctrl-C; a second one ends the process at once. A command that never reads
   * this signal has nothing to finish, so its first Ctrl-C ends it.
   */
  protected get signal(): AbortSignal {
    this.#isCancellable = true
    return this.#cancel.signal
  }

  /** Ends the process. A command that must still clean up can override it. Called at the second Ctrl-C, and at every later one. */
  protected interruptedAgain(): void {
    process.exit(EXIT_CODES.interrupted)
  }

  /**
   * Opens the command's cloud and state. Call it after all checks that need neither.
   *
   * @param flags which cloud: with `local` the one in the data folder, else Google Cloud
   * @param asks the Gemini model that the command will call, which something must answer; `unknown` if only the run's record says
   */
  protected async session(flags: CloudFlags, asks: GeminiOptions | null | 'unknown' = null): Promise<Session> {
    checkOneCloud(flags)
    const onSignal = (signal: NodeJS.Signals): void => {
      // A terminal that closes can send SIGHUP more than once; only a second Ctrl-C means impatience.
      const isSecond = this.#cancel.signal.aborted && signal !== 'SIGHUP'
      if (isSecond) return this.interruptedAgain()
      this.#cancel.abort(
        new ImageryError('CANCELLED', 'Interrupted', {
          suggestions: ['Run the same command again; nothing is done twice'],
        }),
      )
      // Its BigQuery jobs are still canceled.
      if (!this.#isCancellable) void queriesSettled().finally(() => process.exit(EXIT_CODES.interrupted))
    }
    cancelQueriesOn(this.#cancel.signal)
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    // On Windows, Node emits SIGHUP when the console window is closed, and Windows ends the process 10 s
    // later (https://nodejs.org/api/process.html#signal-events).
    process.on('SIGHUP', onSignal)
    this.#session = flags.local
      ? await this.#openLocalCloud(flags, asks)
      : await openGoogleSession(this.config.configDir, flags)
    return this.#session
  }

  async #openLocalCloud(flags: CloudFlags, asks: GeminiOptions | null | 'unknown'): Promise<Session> {
    const { name } = flags
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const words = this.#localFlags(flags['data-dir'], name)
    return openLocalSession(this.config.configDir, {
      ...this.waiting(this.#cancel.signal),
      dataDirectory,
      launcher: this.launcher(),
      version: this.config.version,
      flags: words,
      name,
      ...(await resolveGeminiBackend(asks, { dataDirectory, flag: flags.gemini, flags: words })),
      starting: () => showNote('Start the local cloud', this.progress),
    })
  }

  /** Suggested commands that continue the run name what answers it, which a running local cloud need not have. */
  protected async answeredAsRecorded(spec: RunSpec): Promise<void> {
    if (this.#session?.target.kind === 'local') this.#backend = await geminiBackendOf(spec)
  }

  /** Whether the user typed `--gemini` for this command. The environment's value is for new runs. */
  protected get hasChosenGemini(): boolean {
    return this.argv.some((word) => word === '--gemini' || word.startsWith('--gemini='))
  }

  /** Sets the exit code that the end of a run calls for, and warns of answers that no result has. */
  protected conclude({ units, stray_rows: stray, attempts_table: ledger }: RunReport): void {
    if (units.failed > 0) process.exitCode = EXIT_CODES.someAssetsFailed
    if (!stray) return
    this.warn(strayRowsText(stray, ledger))
    process.exitCode = EXIT_CODES.failed
  }

  protected dataDirectory(flag: string | undefined): string {
    return flag === undefined ? path.join(this.config.dataDir, 'local-cloud') : path.resolve(flag)
  }

  /** How this command waits for another process that holds the data folder: it reports the wait on stderr, also with --json. */
  protected waiting(signal?: AbortSignal): Waiting {
    return { say: (line) => showNote(line, 'lines'), signal }
  }

  /** Runs work that may wait for another process, until a Ctrl-C. A second Ctrl-C ends this process at once. */
  protected async interruptible<Result>(work: (waiting: Waiting) => Promise<Result>): Promise<Result> {
    const cancel = new AbortController()
    const onSignal = (): void => {
      if (cancel.signal.aborted) process.exit(EXIT_CODES.interrupted)
      cancel.abort(new ImageryError('CANCELLED', 'Interrupted'))
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    try {
      return await work(this.waiting(cancel.signal))
    } finally {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    }
  }

  /** The command line that started imagery, which also starts the local cloud's process. */
  protected launcher(): string[] {
    return [process.execPath, ...process.execArgv, process.argv[1] ?? path.join(this.config.root, 'bin', 'run.js')]
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#session?.close()
    await super.finally(error)
  }
}

/** A command that works on Google Cloud, or with `--local` on the local cloud. */
export abstract class CloudCommand extends LocalCloudCommand {
  static override baseFlags = { ...LocalCloudCommand.baseFlags, ...settingFlags }
}

/** @throws ImageryError INVALID_FLAG for flags that name two clouds at once */
function checkOneCloud({ local, project, region, name, gemini }: CloudFlags): void {
  const place = project === undefined ? (region === undefined ? undefined : '--region') : '--project'
  if (local && place !== undefined) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${place} works only with Google Cloud; with --local (or IMAGERY_LOCAL), the local cloud has its own project and region`,
      { suggestions: [`Run the same command without --local`, `Run the same command without ${place}`] },
    )
  }
  if (name !== undefined) {
    const fault = settingFault('name', name)
    if (fault) throw new ImageryError('INVALID_FLAG', `--name ${shellWord(name)} ${fault.fault}`)
  }
  // Users may set the variable in their shell profile, for commands with --local.
  if (!local && gemini !== undefined && gemini !== process.env['IMAGERY_GEMINI']) {
    throw new ImageryError(
      'INVALID_FLAG',
      `--gemini ${gemini} works only with the local cloud; on Google Cloud, Vertex AI answers`,
      {
        suggestions: ['Run the same command with --local', 'Run the same command without --gemini'],
      },
    )
  }
}
