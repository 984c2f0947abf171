import type { Hook } from '@oclif/core'
import { EXIT_CODES } from '../contracts/errors.ts'
import { redacted } from '../contracts/redaction.ts'
import { nearestName } from '../profiles/nearest-name.ts'
import { formatFailure } from '../ui/failure.ts'
import { plainJson } from '../ui/plain-text.ts'

/** Suggests the command that was probably meant. */
const commandNotFound: Hook.CommandNotFound = async function ({ config }) {
  const commands = config.commands
    .filter((command) => !command.hidden)
    .map((command) => command.id.replaceAll(':', ' '))
  // oclif joins the words and splits them at each colon, even at a colon that was typed.
  const typed = process.argv.slice(2)
  const failure = explain(
    config.bin,
    commands,
    typed.filter((word) => !word.startsWith('-')),
  )
  if (typed.includes('--json'))
    process.stdout.write(`${plainJson(JSON.stringify({ error: failure, warnings: [] }, null, 2))}\n`)
  else process.stderr.write(`${formatFailure(failure)}\n`)
  process.exit(EXIT_CODES.usage)
}

function explain(
  bin: string,
  commands: readonly string[],
  words: readonly string[],
): { code: string; message: string; suggestions: string[] } {
  const typed = redacted(words.join(' '))
  // oclif treats words after a command without arguments as a nested command.
  const command = commands.find((name) => typed.startsWith(`${name} `))
  if (command) {
    const rest = typed.slice(command.length + 1)
    return {
      code: 'INVALID_FLAG',
      message: `${bin} ${command} takes no arguments, but got: ${rest}`,
      suggestions: [`${bin} ${command} --help`],
    }
  }
  const near = nearestName(typed, commands)
  const suggestions = [...(near ? [`${bin} ${near}`] : []), `${bin} --help`]
  return {
    code: 'COMMAND_NOT_FOUND',
    message: `${bin} has no command ${typed}.${near ? ` Did you mean ${near}?` : ''}`,
    suggestions,
  }
}

export default commandNotFound
