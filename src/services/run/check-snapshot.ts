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
    const both = together(TITLE, warningInto(ofValues, checkValues), warningInto(ofAddresses, checkAddresses))
    try {
      return await both.run(context, reporter)
    } finally {
      context.warnings.push(...ofValues, ...ofAddresses)
    }
  },
}

function warningInto<Input extends { warnings: string[] }, Added extends object>(
  warnings: string[],
  step: PipelineStep<Input, Added>,
): PipelineStep<Input, Added> {
  return { title: step.title, run: (input, reporter) => step.run({ ...input, warnings }, reporter) }
}
