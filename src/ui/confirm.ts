import { createInterface } from 'node:readline/promises'
import { ImageryError } from '../contracts/errors.ts'
import { plainText } from './plain-text.ts'

export interface Question {
  /** Formatted text to show first. */
  before?: string
  /** The flag that confirms without a terminal. */
  flag: string
  /** What to suggest without a terminal, instead of the same command with the flag. */
  suggestions?: readonly string[]
  /** False with `--json`, which never asks. */
  interactive: boolean
  /** What is true after another answer than yes. */
  declined?: string
  /** Ends the question; its reason is the error. */
  signal?: AbortSignal
}

/** Whether a question can be answered here. A job in CI can have a terminal, but no user (`CI` is set by GitHub, GitLab, Buildkite and others). */
export function canAsk({ interactive }: Pick<Question, 'interactive'>, environment = process.env): boolean {
  return interactive && process.stdin.isTTY && process.stderr.isTTY && !environment['CI']
}

/**
 * Asks the user before data is deleted or money is spent. Without a terminal, a flag must confirm instead.
 *
 * @throws ImageryError CONFIRMATION_NEEDED, or CANCELLED if the answer is not yes: also for Ctrl-C and the end of the input
 */
export async function confirm(question: string, options: Question): Promise<void> {
  const what = `${options.before ?? ''}${plainText(question)}`
  const {
    flag,
    suggestions = [`Run the same command with ${flag}`],
    declined = 'Nothing was deleted',
    signal,
  } = options
  if (!canAsk(options)) throw new ImageryError('CONFIRMATION_NEEDED', what, { suggestions })
  signal?.throwIfAborted()
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`${what}\nType yes to continue: `, signal ? { signal } : {})
    if (answer.trim().toLowerCase() !== 'yes') throw new ImageryError('CANCELLED', declined)
  } catch (error) {
    signal?.throwIfAborted()
    if ((error as Error).name !== 'AbortError') throw error
    // Ctrl-C or Ctrl-D, which the prompt's line does not end.
    process.stderr.write('\n')
    throw new ImageryError('CANCELLED', declined, { cause: error })
  } finally {
    prompt.close()
  }
}
