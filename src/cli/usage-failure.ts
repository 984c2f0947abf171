import { stripVTControlCharacters } from 'node:util'
import { nearestName } from '../profiles/nearest-name.ts'

/** A command that was typed incorrectly. */
export interface TypedCommand {
  /** As typed: `imagery profiles show`. */
  line: string
  /** Names of its flags, without dashes. */
  flags: readonly string[]
}

/** The parts of oclif's parser errors that are used here. */
interface ParseError {
  message: string
  /** Flags that do not exist, as typed. */
  flags?: unknown
  /** Arguments that are missing. */
  args?: unknown
}

/** Turns oclif's parser error into one sentence and a command to run next. */
export function usageFailure(error: ParseError, command: TypedCommand): { message: string; suggestions: string[] } {
  const help = `${command.line} --help`
  const unknown = unknownFlags(error)
  if (unknown.length > 0) {
    const names = unknown.map((flag) => flag.replace(/^-+/, '')).filter((name) => name.length > 1)
    const near = names.flatMap((name) => nearestName(name, command.flags) ?? [])
    const meant = near.length > 0 ? ` Did you mean ${near.map((name) => `--${name}`).join(', ')}?` : ''
    return { message: `${command.line} has no flag ${unknown.join(', ')}.${meant}`, suggestions: [help] }
  }
  const missing = missingArguments(error)
  if (missing.length > 0) return { message: `${command.line} needs ${missing.join(' and ')}`, suggestions: [help] }
  return { message: sentence(error.message), suggestions: [help] }
}

/** Returns the message of an error that a flag's own check threw, without the frame that oclif puts around it. */
export function flagMessage(text: string): string {
  return /^Parsing --\S+ \n\t(.*)\nSee more help with --help$/s.exec(text)?.[1] ?? text
}

function unknownFlags({ flags }: ParseError): string[] {
  return Array.isArray(flags) ? flags.filter((flag) => typeof flag === 'string') : []
}

function missingArguments({ args, message }: ParseError): string[] {
  if (!Array.isArray(args) || !message.startsWith('Missing')) return []
  return args.map(({ name }: { name: string }) => name.toUpperCase())
}

/** oclif writes a heading, then one complaint per line, then a reference to the help. */
function sentence(text: string): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith('See more help'))
  const [heading = '', ...complaints] = lines
  if (complaints.length === 0) return heading
  const all = complaints
    .join('; ')
    .replaceAll(/Missing required flag (?!-)/g, 'Missing required flag --')
    .replaceAll(/(--[\w-]+)=\S* cannot also be provided when using (--[\w-]+)/g, '$1 and $2 cannot be used together')
  return heading.startsWith('The following') ? all : `${heading.replace(/^Parsing /, '').replace(/:$/, '')}: ${all}`
}
