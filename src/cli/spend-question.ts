import { continuationQuestion } from '../services/run/sampled-run.ts'
import type { SpendQuestion } from '../services/run/spend-question.ts'
import { confirm } from '../ui/confirm.ts'

interface Terminal {
  /** False with `--json`. */
  interactive: boolean
  signal: AbortSignal
}

/** Asks whether a command may spend money. @throws ImageryError CONFIRMATION_NEEDED, CANCELLED */
export async function askToSpend(
  { question, suggestions }: SpendQuestion,
  options: Terminal & { declined: string },
): Promise<void> {
  await confirm(question, { ...options, flag: '--yes', suggestions })
}

/** Asks whether a run whose sample is all that it has may ask about its other assets. */
export async function askToContinue(
  run: Parameters<typeof continuationQuestion>[0] & Parameters<typeof continuationQuestion>[1],
  terminal: Terminal,
): Promise<void> {
  const asked = continuationQuestion(run, run)
  if (asked === undefined) return
  await askToSpend(asked, { ...terminal, declined: 'The rest was not asked about; the sample is kept' })
}
