import { shellWord } from '@imagery/local-cloud/contract/shell-word'

/** The flags that select the cloud and deployment of a command. */
export interface CloudWords {
  local?: boolean | undefined
  dataDir?: string | undefined
  project?: string | undefined
  region?: string | undefined
  name?: string | undefined
  /** Who answers in Gemini's place in the local cloud. */
  gemini?: string | undefined
}

/**
 * The flags that point a command to a cloud, with a leading space: ` --local --data-dir X`, ` --project p --region r`,
 * or nothing.
 */
export function cloudFlags({ local, dataDir, project, region, name, gemini }: CloudWords): string {
  const said: [flag: string, value: string | undefined][] = local
    ? [
        ['data-dir', dataDir],
        ['name', name],
        ['gemini', gemini],
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
  // A value that begins like a flag would be parsed as one.
  return value.startsWith('-') ? `--${flag}=${word}` : `--${flag} ${word}`
}

/** The cloud flags that a kind of command accepts. */
const OF_A_CLOUD = ['local', 'data-dir', 'project', 'region', 'name']
/** A command that continues a run. If it has to start a local cloud, the same stand-in must answer Gemini calls. */
const OF_A_RUN = [...OF_A_CLOUD, 'gemini']
const OF_A_LOCAL_CLOUD = ['data-dir']
const OF_GOOGLE = ['project', 'region', 'name']

/** Commands by their words, longest first, with the cloud flags that they accept. */
const COMMANDS: readonly (readonly [words: string, flags: readonly string[]])[] = [
  ['local start', [...OF_A_LOCAL_CLOUD, 'gemini']],
  ...['stop', 'status', 'reset', 'exec', 'token'].map((name) => [`local ${name}`, OF_A_LOCAL_CLOUD] as const),
  ...['run', 'estimate', 'status', 'resume', 'retry'].map((name) => [name, OF_A_RUN] as const),
  ...['deploy', 'runs', 'results', 'show', 'view', 'report', 'eval', 'compare', 'cancel', 'teardown', 'doctor'].map(
    (name) => [name, OF_A_CLOUD] as const,
  ),
  ['config list', OF_GOOGLE],
]

/**
 * Returns the imagery command to run next on the same cloud, with each cloud flag that it accepts and
 * does not already have. Every command that imagery suggests comes from this function.
 *
 * @param command without the program's name: `resume 261123-9f3c1a7b`, `local exec -- npm test`
 * @param flags the cloud flags, from `cloudFlags` or a target
 */
export function suggestedCommand(command: string, flags: string): string {
  const known = COMMANDS.find(([words]) => command === words || command.startsWith(`${words} `))
  if (!known) return `imagery ${command}`
  const [words, taken] = known
  const rest = command.slice(words.length)
  const missing = / --help\b/.test(rest) ? '' : missingFlags(rest, flags, taken)
  const end = endOfCommand(rest)
  return `imagery ${words}${rest.slice(0, end)}${missing}${rest.slice(end)}`
}

/**
 * The end of a command line: what follows belongs to another program (`--`), is for the reader to fill in (`…`), or is
 * an explanation.
 */
function endOfCommand(rest: string): number {
  let end = 0
  for (const { 0: text, 1: space = '', 2: word = '', index } of rest.matchAll(WORD)) {
    if (index !== end || space.length > 1 || word === '--' || word === '…' || word.startsWith('(')) break
    end += text.length
    if (/[,;:]$/.test(word) || (word.endsWith(')') && !word.includes('('))) return end - 1
  }
  return end
}

/** A word of a POSIX shell with its leading space; it can contain quotes anywhere. */
const WORD = /(\s+)((?:'[^']*'|\\.|[^\s'\\])+)/g

/** Points each imagery command in a text to the same cloud. Prose that only names a command is unchanged. */
export function suggestedCommands(text: string, flags: string): string {
  return text.replace(COMMAND_IN_TEXT, (_, before: string, command: string) => {
    return `${before}${suggestedCommand(command, flags)}`
  })
}

/**
 * A command starts at the beginning of a line, or after `: `, `, then ` or `(then `; it ends before an explanation, another
 * sentence or another command.
 */
const COMMAND_IN_TEXT = new RegExp(
  `(^\\s*|: |[,(] ?then )imagery ((?:${COMMANDS.map(([words]) => words).join('|')})(?![\\w-])[^\\n]*?)(?=[,(] ?then imagery |$)`,
  'gm',
)

function missingFlags(rest: string, flags: string, taken: readonly string[]): string {
  const has = (name: string): boolean =>
    new RegExp(`(?:^|\\s)--${name}(?![\\w-])`).test(rest.slice(0, endOfCommand(rest)))
  const given = parts(flags)
  const isLocal = given.some(({ name }) => name === 'local')
  // A command that already names another cloud keeps it.
  if (!isLocal && has('local')) return ''
  if (isLocal && (has('project') || has('region') || !taken.includes('data-dir'))) return ''
  return given
    .filter(({ name }) => taken.includes(name) && !has(name))
    .map(({ text }) => ` ${text}`)
    .join('')
}

/** The flags in a text, each with its value. */
function parts(flags: string): { name: string; text: string }[] {
  return [...flags.matchAll(/(?<=\s)--([a-z-]+)(?:[ =](?:'[^']*'|\\'|[^\s'-][^\s']*)+)?/g)].map(
    ([text, name = '']) => ({
      name,
      text,
    }),
  )
}
