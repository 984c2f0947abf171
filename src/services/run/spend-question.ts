import { ImageryError } from '../../contracts/errors.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { runLimits } from '../options/run-options.ts'
import { countedSource } from './count-source.ts'
import type { Deployed, RunContext } from './context.ts'
import {
  ASK_ABOVE_USD,
  expectedSpending,
  mustAsk,
  roomyCap,
  spendingText,
  type Consent,
  type Spending,
} from './spending.ts'

/** What a run asks before it spends money, and what to suggest where it cannot ask. */
export interface SpendQuestion {
  question: string
  suggestions: string[]
}

/** Returns the question of a run; undefined if its flags or its small estimate have answered it. */
export function spendQuestion(
  { options }: Pick<RunContext, 'options'> | { options: Consent },
  spending: Spending | undefined,
): SpendQuestion | undefined {
  if (spending === undefined || !mustAsk(options, spending)) return undefined
  return {
    question: `The run will cost ${spendingText(spending)}.`,
    suggestions: [
      ...(spending.model === null ? [] : [`Run the same command with --max-cost ${roomyCap(spending.model.usd)}`]),
      'Run the same command with --yes',
      'Run the same command with --dry-run   (shows what the estimate is made of, and creates nothing)',
    ],
  }
}

/**
 * Counts the source before a run creates anything, and refuses a run that must ask, because no terminal can answer. The counts
 * are those of `imagery estimate`; the snapshot's own decide later, if the source grows in between.
 *
 * The step rejects with ImageryError CONFIRMATION_NEEDED.
 */
export const refuseUnasked: PipelineStep<RunContext & Partial<Deployed>, object> = {
  title: 'Estimate what the run will cost',
  async run(context) {
    const { options, choice, profile, target, gemini: answering } = context
    if (options.yes || options.maxCost !== undefined) return { skipped: 'allowed by a flag', adds: {} }
    // Reading the source for the run reports its warnings.
    const { counts, snapshotBytes } = await countedSource({ ...context, warnings: [] })
    const limits = runLimits(options, choice.gemini, context.deployment?.maxInstances)
    const spender = { profile, gemini: choice.gemini, limits, target, answering }
    const spending = expectedSpending(spender, { ...counts, snapshotBytes })
    const asked = spendQuestion(context, spending)
    if (asked === undefined) return { done: spendingText(spending), adds: {} }
    throw unasked(asked, options.askAbove)
  },
}

function unasked({ question, suggestions }: SpendQuestion, askAbove = ASK_ABOVE_USD): ImageryError {
  const why = `An estimate above $${askAbove} needs a confirmation, which only a terminal can give. Nothing was created`
  return new ImageryError('CONFIRMATION_NEEDED', `${question} ${why}`, { suggestions })
}
