import { CommandHelp, Help } from '@oclif/core'

/**
 * Help page of a command, with its summary first and its whole description below. oclif prints the
 * summary twice or, with `hideCommandSummaryInDescription`, only the last line of the description
 * (https://github.com/oclif/core/blob/main/src/help/command.ts).
 */
class CommandPage extends CommandHelp {
  protected override description(): string | undefined {
    const { description } = this.command
    return description ? this.wrap(description) : undefined
  }
}

/** The class that oclif uses for every help page (`oclif.helpClass` in package.json). */
export default class ImageryHelp extends Help {
  protected override CommandHelpClass = CommandPage
}
