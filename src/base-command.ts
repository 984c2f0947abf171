import path from 'node:path'
import { format } from 'node:util'
import { Command, Errors, Flags, ux, type Interfaces } from '@oclif/core'
import { EXIT_CODES, ImageryError } from './contracts/errors.ts'
import { redacted, secretIn } from './contracts/redaction.ts'
import type { Place } from './contracts/names.ts'
import type { GeminiOptions } from './contracts/run-spec.ts'
import { DEFAULT_REGION, settingFault } from './contracts/settings.ts'
import { shellWord } from './contracts/shell-word.ts'
import { cloudFlags, suggestedCommand, suggestedCommands } from './contracts/suggested-command.ts'
import { expectedFailure } from './services/cloud-failure.ts'
import { whoAnswers } from './services/gemini-credentials.ts'
import { openGoogleSession, openLocalSession, type Session } from './services/session.ts'
import type { GivenSettings } from './services/settings.ts'
import type { Waiting } from './services/wait-for-folder.ts'
import { formatFailure } from './ui/failure.ts'
import { plainJson, plainText } from './ui/plain-text.ts'
import { progressMode, showNote, type ProgressMode } from './ui/steps.ts'
import { usageFailure } from './usage-failure.ts'

/** The one place that turns what was thrown into what a person or a script reads, and into the exit code. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    json: Flags.boolean({
      description: 'one JSON document on stdout, for errors too, and no progress',
      helpGroup: 'GLOBAL',
    }),
  }

  readonly #warnings: string[] = []

  /** Shows a warning on stderr; with `--json` it is in the document. */
  override warn(input: string): string
  override warn(input: Error): Error
  override warn(input: string | Error): string | Error {
    const message = typeof input === 'string' ? input : input.message
    this.noteWarning(message)
    super.warn(plainText(message))
    return input
  }

  /** A warning that the progress has shown already: only the JSON document lacks it. */
  protected noteWarning(text: string): void {
    this.#warnings.push(redacted(text))
  }

  /** Every document has its warnings, an empty list mostly: a script need not ask whether the member is there. */
  protected override toSuccessJson(result: unknown): unknown {
    return typeof result === 'object' && !Array.isArray(result) ? { ...result, warnings: this.#warnings } : result
  }

  /** One JSON document on stdout, for errors too; never oclif's own, which holds its whole configuration. */
  protected override toErrorJson(error: unknown): {
    error: { code: string; message: string; suggestions: readonly string[] }
    warnings: readonly string[]
  } {
    const { code, message, suggestions } = this.#failure(error)
    return { error: { code, message, suggestions }, warnings: this.#warnings }
  }

  protected override async catch(thrown: Interfaces.CommandError): Promise<void> {
    if (thrown instanceof Errors.ExitError) throw thrown
    const known = this.#failure(thrown)
    process.exitCode = known.exitCode
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(thrown))
    else super.logToStderr(formatFailure(known))
  }

  /** Prints a text, which may hold anything, without styles. */
  override log(message = '', ...args: unknown[]): void {
    super.log(plainText(format(message, ...args)))
  }

  override logToStderr(message = '', ...args: unknown[]): void {
    super.logToStderr(plainText(format(message, ...args)))
  }

  /** Prints what `ui/` has formatted: it has styles, and its data is plain already. */
  protected show(formatted: string): void {
    super.log(formatted)
  }

  protected override logJson(json: unknown): void {
    ux.stdout(plainJson(ux.colorizeJson(json, { pretty: true })))
  }

  /**
   * The command line, without a secret in any option or argument: what imagery is given stands in records of runs, messages
   * and logs.
   *
   * @throws ImageryError INVALID_FLAG, which does not repeat the value
   */
  protected override async parse<
    F extends Record<string, unknown>,
    B extends Record<string, unknown>,
    A extends Record<string, unknown>,
  >(options?: Interfaces.Input<F, B, A>, argv?: string[]): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv)
    for (const [name, value] of Object.entries(parsed.flags)) refuseSecret(`--${name}`, value)
    for (const [name, value] of Object.entries(parsed.args)) refuseSecret(name.toUpperCase(), value)
    return parsed
  }

  protected get progress(): ProgressMode {
    return progressMode({ json: this.jsonEnabled() })
  }

  /** Columns of the terminal that shows the result. */
  protected get width(): number {
    return process.stdout.columns ?? 80
  }

  /** What the command works on, once that is known. */
  protected get place(): Place | undefined {
    return undefined
  }

  /** What a suggested command must carry to work on the same cloud, with a space before. */
  protected get cloudFlags(): string {
    return ''
  }

  /** A command to type next, without the program's name: on the cloud that this one works on. */
  protected next(command: string): string {
    return suggestedCommand(command, this.cloudFlags)
  }

  /** A text of a service with commands to type next, each led to the cloud that this one works on. */
  protected onSameCloud(text: string): string {
    return suggestedCommands(text, this.cloudFlags)
  }

  #failure(thrown: unknown): Failure {
    const failure = this.#described(thrown)
    // Where a remedy is thought of, the cloud may not be known: the wrong one must not be met.
    const suggestions = failure.suggestions.map((text) => this.onSameCloud(text))
    return { ...failure, suggestions: [...new Set(suggestions)] }
  }

  #described(thrown: unknown): Failure {
    const error = expectedFailure(thrown, this.place)
    if (error instanceof ImageryError) {
      const { code, message, suggestions, exitCode } = error
      const isLost = code === 'LOCAL_CLOUD_FAILED' && suggestions.length === 0
      return { code, message, suggestions: isLost ? [this.#sameCommand()] : suggestions, exitCode }
    }
    if (error instanceof Errors.CLIError) {
      const line = `${this.config.bin} ${this.id?.replaceAll(':', ' ') ?? ''}`.trim()
      const flags = Object.entries({ ...this.ctor.baseFlags, ...this.ctor.flags }).flatMap(([name, { hidden }]) =>
        hidden ? [] : [name],
      )
      const { message, suggestions } = usageFailure(error, { line, flags })
      return { code: 'INVALID_FLAG', message: redacted(message), suggestions, exitCode: EXIT_CODES.usage }
    }
    return bug(error)
  }

  /** The command line as it was typed, for another try. */
  #sameCommand(): string {
    return [this.config.bin, ...(this.id ?? '').split(':'), ...this.argv.map(shellWord)].join(' ')
  }
}

/** @param option as it is typed: `--table`, `RUN_ID` */
function refuseSecret(option: string, value: unknown): void {
  for (const text of Array.isArray(value) ? value : [value]) {
    const secret = typeof text === 'string' ? secretIn(text) : undefined
    if (secret === undefined) continue
    throw new ImageryError('INVALID_FLAG', `${option} holds ${secret}, which imagery would write into its records`, {
      suggestions: [`The same command with ${option} without it`],
    })
  }
}

/** What is said of anything thrown. */
interface Failure {
  code: string
  message: string
  suggestions: readonly string[]
  exitCode: number
  /** The stack of a bug in imagery. */
  stack?: string
}

function bug(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  return {
    code: 'BUG',
    message: redacted(`A bug in imagery: ${message}`),
    suggestions: ['Report it with the lines above, please'],
    exitCode: EXIT_CODES.bug,
    ...(stack ? { stack: redacted(stack) } : {}),
  }
}

/** Which deployment on Google a command works on. Not oclif's `env`: where a value stands matters (`services/settings.ts`). */
export const settingFlags = {
  project: Flags.string({
    description: "id of the Google Cloud project (default: IMAGERY_PROJECT, imagery config, gcloud's configuration)",
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
      'name of the deployment, where a project and region have several (default: IMAGERY_NAME, imagery config)',
    helpGroup: 'GLOBAL',
    helpValue: 'NAME',
  }),
}

/** What of the command line says which cloud a command works on. */
interface CloudFlags extends GivenSettings {
  local?: boolean
  'data-dir'?: string | undefined
  gemini?: string | undefined
}

/** A command on the local cloud of a data folder. */
export abstract class LocalCloudCommand extends BaseCommand {
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    local: Flags.boolean({
      description: 'use the local cloud on this machine, starting it if need be: no account, no network',
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
        "who answers in Gemini's place in a local cloud: replay:FILE, script:FILE or forward (docs/local-cloud.md)",
      env: 'IMAGERY_GEMINI',
      helpGroup: 'GLOBAL',
      helpValue: 'VALUE',
    }),
  }

  readonly #cancel = new AbortController()
  #isCancellable = false
  #session: Session | undefined

  /** The flags as they were typed, once they are parsed. */
  #typed: CloudFlags = {}

  protected override get place(): Place | undefined {
    return this.#session?.target.place
  }

  protected override get cloudFlags(): string {
    if (this.#session) return this.#session.target.flags
    const { local, 'data-dir': folder, project, region, name } = this.#typed
    // A command that takes no project is one on a local cloud alone.
    if (local || !('project' in this.ctor.baseFlags)) return this.#localFlags(folder, name)
    return cloudFlags({ project, region, name })
  }

  #localFlags(folder: string | undefined, name: string | undefined): string {
    const isDefault = folder === undefined || this.dataDirectory(folder) === this.dataDirectory(undefined)
    return cloudFlags({ local: true, dataDir: isDefault ? undefined : folder, name: name || undefined })
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
   * Aborted by the first Ctrl-C, with an error that says so; a second one ends the process at once.
   * A command that never asks for it has nothing to bring to an end: its first Ctrl-C ends it.
   */
  protected get signal(): AbortSignal {
    this.#isCancellable = true
    return this.#cancel.signal
  }

  /**
   * The command's cloud and memory. Called after all checks that need neither.
   *
   * @param flags which cloud: with `local` that of the data folder, else Google's
   * @param asks the Gemini model that the command is going to ask: somebody must answer; `unknown` when only the run can tell
   */
  protected async session(flags: CloudFlags, asks: GeminiOptions | null | 'unknown' = null): Promise<Session> {
    checkOneCloud(flags)
    const onSignal = (signal: NodeJS.Signals): void => {
      // A terminal that closes may send SIGHUP more than once: that is nobody's impatience.
      const isSecond = this.#cancel.signal.aborted && signal !== 'SIGHUP'
      if (isSecond || !this.#isCancellable) process.exit(EXIT_CODES.interrupted)
      this.#cancel.abort(
        new ImageryError('CANCELLED', 'Interrupted', {
          suggestions: ['The same command again; nothing is done twice'],
        }),
      )
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    // On Windows, Node raises it when the window of the console is closed, and Windows ends the process 10 s
    // later (https://nodejs.org/api/process.html#signal-events); the other two are as elsewhere.
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
      gemini: await whoAnswers(asks, { dataDirectory, flag: flags.gemini, flags: words }),
      starting: () => showNote('Start the local cloud', this.progress),
    })
  }

  protected dataDirectory(flag: string | undefined): string {
    return flag === undefined ? path.join(this.config.dataDir, 'local-cloud') : path.resolve(flag)
  }

  /** How this command waits for another process that has the data folder: it says so on stderr, with --json too. */
  protected waiting(signal?: AbortSignal): Waiting {
    return { say: (line) => showNote(line, 'lines'), signal }
  }

  /** Does what may have to wait for another process, until a Ctrl-C. A second one ends this process at once. */
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

  /** The command line that started this imagery, for the local cloud's own process. */
  protected launcher(): string[] {
    return [process.execPath, ...process.execArgv, process.argv[1] ?? path.join(this.config.root, 'bin', 'run.js')]
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#session?.close()
    await super.finally(error)
  }
}

/** A command that works on a cloud: Google's, or with `--local` the one on this machine. */
export abstract class CloudCommand extends LocalCloudCommand {
  static override baseFlags = { ...LocalCloudCommand.baseFlags, ...settingFlags }
}

/** @throws ImageryError INVALID_FLAG for flags that name two clouds at once */
function checkOneCloud({ local, project, region, name, gemini }: CloudFlags): void {
  const place = project === undefined ? (region === undefined ? undefined : '--region') : '--project'
  if (local && place !== undefined) {
    throw new ImageryError(
      'INVALID_FLAG',
      `${place} is a place on Google; with --local (or IMAGERY_LOCAL) the local cloud has one project and region of its own`,
      { suggestions: [`The same command without --local`, `The same command without ${place}`] },
    )
  }
  const fault = name === undefined ? undefined : settingFault('name', name)
  if (fault) throw new ImageryError('INVALID_FLAG', `--name ${shellWord(name!)} ${fault.fault}`)
  // The variable may stand in a user's profile, for when the cloud is the local one.
  if (!local && gemini !== undefined && gemini !== process.env['IMAGERY_GEMINI']) {
    throw new ImageryError('INVALID_FLAG', `--gemini ${gemini} is for the local cloud: on Google, Vertex AI answers`, {
      suggestions: ['The same command with --local', 'The same command without --gemini'],
    })
  }
}
