import type { Hook } from '@oclif/core'
import { EXIT_CODES } from '../contracts/errors.ts'
import { nearestName } from '../profiles/nearest-name.ts'
import { formatFailure } from '../ui/failure.ts'

/** Names the command that was probably meant, on a terminal or not. */
const commandNotFound: Hook.CommandNotFound = async function ({ config, id }) {
  const typed = id.replaceAll(':', ' ')
  const commands = config.commands.filter((command) => !command.hidden).map((command) => command.id.replaceAll(':', ' '))
  const near = nearestName(typed, commands)
  const suggestions = [...(near ? [`${config.bin} ${near}`] : []), `${config.bin} --help`]
  process.stderr.write(`${formatFailure({ code: 'COMMAND_NOT_FOUND', message: `${typed} is not a command of ${config.bin}`, suggestions })}\n`)
  process.exit(EXIT_CODES.usage)
}

export default commandNotFound
