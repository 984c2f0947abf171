import path from 'node:path'
import { Command, Errors, Flags, type Interfaces } from '@oclif/core'
import { EXIT_CODES, ImageryError } from './contracts/errors.ts'
import { redacted } from './contracts/redaction.ts'
import type { Place } from './contracts/names.ts'
import type { GeminiOptions } from './contracts/run-spec.ts'
import { DEFAULT_REGION, settingFault } from './contracts/settings.ts'
import { shellWord } from './contracts/shell-word.ts'
import { expectedFailure } from './services/cloud-failure.ts'
import { whoAnswers } from './services/gemini-credentials.ts'
import { cancelQueriesOn, queriesSettled } from './services/interruption.ts'
import { openGoogleSession, openLocalSession, type Session } from './services/session.ts'
import type { GivenSettings } from './services/settings.ts'
import { formatFailure } from './ui/failure.ts'
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

  /** One JSON document on stdout, for errors too; never oclif's own, which holds its whole configuration. */
  protected override toErrorJson(error: unknown): {
    error: { code: string; message: string; suggestions: readonly string[] }
  } {
    const { code, message, suggestions } = this.#failure(error)
    return { error: { code, message, suggestions } }
  }

  protected override async catch(thrown: Interfaces.CommandError): Promise<void> {
    if (thrown instanceof Errors.ExitError) throw thrown
    const known = this.#failure(thrown)
    process.exitCode = known.exitCode
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(thrown))
    else this.logToStderr(formatFailure(known))
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

  #failure(thrown: unknown): Failure {
    const error = expectedFailure(thrown, this.place)
    if (error instanceof ImageryError) {
      const { code, message, suggestions, exitCode } = error
      return { code, message, suggestions, exitCode }
    }
    if (error instanceof Errors.CLIError) {
      const line = `${this.config.bin} ${this.id?.replaceAll(':', ' ') ?? ''}`.trim()
      const flags = Object.entries({ ...this.ctor.baseFlags, ...this.ctor.flags }).flatMap(([name, { hidden }]) =>
        hidden ? [] : [name],
      )
      return { code: 'INVALID_FLAG', ...usageFailure(error, { line, flags }), exitCode: EXIT_CODES.usage }
    }
    return bug(error)
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

  protected override get place(): Place | undefined {
    return this.#session?.target.place
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
    const onSignal = (): void => {
      if (this.#cancel.signal.aborted) process.exit(EXIT_CODES.interrupted)
      this.#cancel.abort(
        new ImageryError('CANCELLED', 'Interrupted', {
          suggestions: ['The same command again; nothing is done twice'],
        }),
      )
      // What it asks BigQuery is ended all the same.
      if (!this.#isCancellable) void queriesSettled().finally(() => process.exit(EXIT_CODES.interrupted))
    }
    cancelQueriesOn(this.#cancel.signal)
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    this.#session = flags.local
      ? await this.#openLocalCloud(flags, asks)
      : await openGoogleSession(this.config.configDir, flags)
    return this.#session
  }

  async #openLocalCloud(flags: CloudFlags, asks: GeminiOptions | null | 'unknown'): Promise<Session> {
    const { name } = flags
    const dataDirectory = this.dataDirectory(flags['data-dir'])
    const words = ` --local${this.folderFlag(flags['data-dir'])}${name ? ` --name ${name}` : ''}`
    return openLocalSession(this.config.configDir, {
      dataDirectory,
      launcher: this.launcher(),
      flags: words,
      name,
      gemini: await whoAnswers(asks, { dataDirectory, flag: flags.gemini, flags: words }),
      starting: () => showNote('Start the local cloud', this.progress),
    })
  }

  protected dataDirectory(flag: string | undefined): string {
    return flag === undefined ? path.join(this.config.dataDir, 'local-cloud') : path.resolve(flag)
  }

  /** What a suggested command must carry to find the same data folder, with a space before. */
  protected folderFlag(flag: string | undefined): string {
    return flag === undefined || flag === process.env['IMAGERY_DATA_DIR'] ? '' : ` --data-dir ${shellWord(flag)}`
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
