import { CommandHelp, Help } from '@oclif/core'

/**
 * A command's page with its summary on top and its whole description below. oclif prints the summary
 * twice, or with `hideCommandSummaryInDescription` only the last line of the description
 * (https://github.com/oclif/core/blob/main/src/help/command.ts).
 */
class CommandPage extends CommandHelp {
  protected override description(): string | undefined {
    const { description } = this.command
    return description ? this.wrap(description) : undefined
  }
}

/** The class that oclif asks for every help page (`oclif.helpClass` in package.json). */
export default class ImageryHelp extends Help {
  protected override CommandHelpClass = CommandPage
}
