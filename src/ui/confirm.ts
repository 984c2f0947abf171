import { createInterface } from 'node:readline/promises'
import { ImageryError } from '../contracts/errors.ts'
import { plainText } from './plain-text.ts'

/**
 * Asks the user before data is deleted. `before` is formatted text to show first. Without a terminal, the flag must confirm instead.
 *
 * @throws ImageryError CONFIRMATION_NEEDED, or CANCELLED when the answer is not yes
 */
export async function confirm(
  question: string,
  options: { before?: string; flag: string; interactive: boolean },
): Promise<void> {
  const what = `${options.before ?? ''}${plainText(question)}`
  if (!options.interactive || !process.stdin.isTTY || !process.stderr.isTTY) {
    throw new ImageryError('CONFIRMATION_NEEDED', what, { suggestions: [`Run the same command with ${options.flag}`] })
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`${what}\nType yes to continue: `)
    if (answer.trim().toLowerCase() !== 'yes') throw new ImageryError('CANCELLED', 'Nothing was deleted')
  } finally {
    prompt.close()
  }
}
