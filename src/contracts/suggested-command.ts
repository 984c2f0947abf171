import { shellWord } from './shell-word.ts'

/** Which cloud and deployment a command works on, as the flags that say so. */
export interface CloudWords {
  local?: boolean | undefined
  dataDir?: string | undefined
  project?: string | undefined
  region?: string | undefined
  name?: string | undefined
}

/** The flags that lead a command to a cloud, with a space before: ` --local --data-dir X`, ` --project p --region r`, or nothing. */
export function cloudFlags({ local, dataDir, project, region, name }: CloudWords): string {
  const said: [flag: string, value: string | undefined][] = local
    ? [
        ['data-dir', dataDir],
        ['name', name],
      ]
    : [
        ['project', project],
        ['region', region],
        ['name', name],
      ]
  const valued = said.flatMap(([flag, value]) => (value === undefined ? [] : [withValue(flag, value)]))
  return [...(local ? ['--local'] : []), ...valued].map((word) => ` ${word}`).join('')
}

function withValue(flag: string, value: string): string {
  const word = value === '' ? "''" : shellWord(value)
  // A value that begins like a flag is read as one.
  return value.startsWith('-') ? `--${flag}=${word}` : `--${flag} ${word}`
}

/** Flags that a kind of command takes, of those that lead to a cloud. */
const OF_A_CLOUD = ['local', 'data-dir', 'project', 'region', 'name']
const OF_A_LOCAL_CLOUD = ['data-dir']

/** Commands by their words, longest first, with the flags they take that lead to a cloud. */
const COMMANDS: readonly (readonly [words: string, flags: readonly string[]])[] = [
  ...['start', 'stop', 'status', 'reset', 'exec', 'token'].map((name) => [`local ${name}`, OF_A_LOCAL_CLOUD] as const),
  ...['deploy', 'run', 'status', 'runs', 'resume', 'results', 'teardown', 'retry', 'doctor'].map(
    (name) => [name, OF_A_CLOUD] as const,
  ),
]

/**
 * A command of imagery to type next, on the same cloud: it carries each of the flags that it takes and
 * has not got. Every command that imagery suggests is made here.
 *
 * @param command without the program's name: `resume 261123-9f3c1a7b`, `local exec -- npm test`
 * @param flags what leads to the cloud, as `cloudFlags` or a target gives it
 */
export function suggestedCommand(command: string, flags: string): string {
  const known = COMMANDS.find(([words]) => command === words || command.startsWith(`${words} `))
  if (!known) return `imagery ${command}`
  const [words, taken] = known
  const rest = command.slice(words.length)
  const missing = missingFlags(rest, flags, taken)
  const argument = /^ \w[\w-]*(?=$|[\s,;:.)])/.exec(rest)?.[0] ?? ''
  return `imagery ${words}${argument}${missing}${rest.slice(argument.length)}`
}

/** A text with commands of imagery in it, each led to the same cloud. Prose that only names a command stays as it is. */
export function suggestedCommands(text: string, flags: string): string {
  return text.replace(COMMAND_IN_TEXT, (_, before: string, command: string) => {
    return `${before}${suggestedCommand(command, flags)}`
  })
}

/** A command is what a line, or the words after `: ` or ` then `, begin with; it ends where an explanation or another sentence does. */
const COMMAND_IN_TEXT = new RegExp(
  `(^\\s*|: )imagery ((?:${COMMANDS.map(([words]) => words).join('|')})(?![\\w-])[^\\n]*)`,
  'gm',
)

function missingFlags(rest: string, flags: string, taken: readonly string[]): string {
  const has = (name: string): boolean => new RegExp(`(?:^|\\s)--${name}(?![\\w-])`).test(ownPart(rest))
  const given = parts(flags)
  const isLocal = given.some(({ name }) => name === 'local')
  // A command that names another cloud is meant for that one.
  if (!isLocal && has('local')) return ''
  if (isLocal && (has('project') || has('region'))) return ''
  return given
    .filter(({ name }) => taken.includes(name) && !has(name))
    .map(({ text }) => ` ${text}`)
    .join('')
}

/** What is imagery's own of a command line: after `--` comes another program's. */
function ownPart(rest: string): string {
  return rest.split(/ -- | \(|\n/, 1)[0] ?? ''
}

/** The flags of a text one by one, each with its value. */
function parts(flags: string): { name: string; text: string }[] {
  return [...flags.matchAll(/(?<=\s)--([a-z-]+)(?:[ =](?:'[^']*'|\\'|[^\s'-][^\s']*)+)?/g)].map(([text, name]) => ({
    name: name!,
    text,
  }))
}
