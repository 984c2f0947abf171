import { format } from 'node:util'
import { Command, Errors, Flags, ux, type Interfaces } from '@oclif/core'
import { EXIT_CODES, ImageryError } from '../contracts/errors.ts'
import { redacted, secretIn } from '../contracts/redaction.ts'
import type { DeploymentRef } from '../contracts/names.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { suggestedCommand, suggestedCommands } from '../contracts/suggested-command.ts'
import { expectedFailure } from '../services/failures/cloud-failure.ts'
import { formatFailure } from '../ui/failure.ts'
import { plainJson, plainText } from '../ui/plain-text.ts'
import { progressMode, type ProgressMode } from '../ui/steps.ts'
import { flagMessage, usageFailure } from './usage-failure.ts'

/** The one place that turns a thrown error into output for people or scripts, and into the exit code. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true

  static override baseFlags = {
    json: Flags.boolean({
      description: 'print one JSON document on stdout, also for errors, and no progress',
      helpGroup: 'GLOBAL',
    }),
  }

  readonly #warnings: string[] = []

  /** Shows a warning on stderr, or with `--json` in the document. */
  override warn(input: string): string
  override warn(input: Error): Error
  override warn(input: string | Error): string | Error {
    const message = typeof input === 'string' ? input : input.message
    this.noteWarning(message)
    super.warn(plainText(message))
    return input
  }

  /** Adds a warning that the progress has already shown to the JSON document. */
  protected noteWarning(text: string): void {
    this.#warnings.push(redacted(text))
  }

  /** Every document has a list of warnings, even an empty one, so that scripts need not check for it. */
  protected override toSuccessJson(result: unknown): unknown {
    return typeof result === 'object' && !Array.isArray(result) ? { ...result, warnings: this.#warnings } : result
  }

  /** The JSON document of an error. oclif's own would contain its whole configuration. */
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

  /** Prints text from any source, without styles. */
  override log(message = '', ...args: unknown[]): void {
    super.log(plainText(format(message, ...args)))
  }

  override logToStderr(message = '', ...args: unknown[]): void {
    super.logToStderr(plainText(format(message, ...args)))
  }

  /** Prints text that `ui/` has formatted: it has styles, and its data is already plain. */
  protected show(formatted: string): void {
    super.log(formatted)
  }

  protected override logJson(json: unknown): void {
    ux.stdout(plainJson(ux.colorizeJson(json, { pretty: true })))
  }

  /**
   * Parses the command line, and refuses a secret in any option or argument, because imagery writes them to run records,
   * messages and logs.
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

  /** The terminal's width in columns. */
  protected get width(): number {
    return process.stdout.columns ?? 80
  }

  /** The deployment that the command works on, once it is known. */
  protected get place(): DeploymentRef | undefined {
    return undefined
  }

  /** The flags that a suggested command needs to work on the same cloud, with a leading space. */
  protected get cloudFlags(): string {
    return ''
  }

  /** Returns a command to run next on the same cloud. @param command without the program's name */
  protected next(command: string): string {
    return suggestedCommand(command, this.cloudFlags)
  }

  /** Returns a service's text with the flags of the same cloud added to each suggested command. */
  protected onSameCloud(text: string): string {
    return suggestedCommands(text, this.cloudFlags)
  }

  #failure(thrown: unknown): Failure {
    const failure = this.#described(thrown)
    // Code that suggests a command does not always know the cloud, and the command must not reach the wrong one.
    const suggestions = failure.suggestions.map((text) => this.onSameCloud(text))
    return { ...failure, suggestions: [...new Set(suggestions)] }
  }

  #described(thrown: unknown): Failure {
    const error = expectedFailure(thrown, this.place)
    if (error instanceof ImageryError) {
      const { code, suggestions, exitCode } = error
      const message = flagMessage(error.message)
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

  /** The command line as it was typed, to try again. */
  #sameCommand(): string {
    return [this.config.bin, ...(this.id ?? '').split(':'), ...this.argv.map(shellWord)].join(' ')
  }
}

/** @param option as it is typed: `--table`, `RUN_ID` */
function refuseSecret(option: string, value: unknown): void {
  for (const text of Array.isArray(value) ? value : [value]) {
    const secret = typeof text === 'string' ? secretIn(text) : undefined
    if (secret === undefined) continue
    throw new ImageryError('INVALID_FLAG', `${option} contains ${secret}, which imagery would write to its records`, {
      suggestions: [`Run the same command without it in ${option}`],
    })
  }
}

/** An error as it is reported. */
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
    suggestions: ['Report it, and include the lines above'],
    exitCode: EXIT_CODES.bug,
    ...(stack ? { stack: redacted(stack) } : {}),
  }
}
