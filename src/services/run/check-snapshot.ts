import { together, type PipelineStep } from '../../contracts/steps.ts'
import type { RecordedContext, RunContext } from './context.ts'
import { checkAddresses } from './image-addresses.ts'
import type { SourceRead } from './read-source.ts'
import { checkValues } from './source-values.ts'

const TITLE = 'Check the values and addresses'

/** Two queries of the same snapshot, whose warnings come in the same order whichever query ends first. */
export const checkSnapshot: PipelineStep<RunContext & RecordedContext & SourceRead, object> = {
  title: TITLE,
  async run(context, reporter) {
    const [ofValues, ofAddresses]: [string[], string[]] = [[], []]
    const values: typeof checkValues = {
      ...checkValues,
      run: (input, ...rest) => checkValues.run({ ...input, warnings: ofValues }, ...rest),
    }
    const addresses: typeof checkAddresses = {
      ...checkAddresses,
      run: (input, ...rest) => checkAddresses.run({ ...input, warnings: ofAddresses }, ...rest),
    }
    try {
      return await together(TITLE, values, addresses).run(context, reporter)
    } finally {
      context.warnings.push(...ofValues, ...ofAddresses)
    }
  },
}
