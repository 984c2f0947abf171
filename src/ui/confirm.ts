import { createInterface } from 'node:readline/promises'
import { ImageryError } from '../contracts/errors.ts'
import { plainText } from './plain-text.ts'

/**
 * Asks before something is lost. `before` is what a formatter has made, to be read first. Without a terminal there is nobody to ask: the flag has to say it.
 *
 * @throws ImageryError CONFIRMATION_NEEDED, or CANCELLED when the answer is not yes
 */
export async function confirm(
  question: string,
  options: { before?: string; flag: string; interactive: boolean },
): Promise<void> {
  const what = `${options.before ?? ''}${plainText(question)}`
  if (!options.interactive || !process.stdin.isTTY || !process.stderr.isTTY) {
    throw new ImageryError('CONFIRMATION_NEEDED', what, { suggestions: [`The same command with ${options.flag}`] })
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`${what}\nType yes to go on: `)
    if (answer.trim().toLowerCase() !== 'yes') throw new ImageryError('CANCELLED', 'Nothing was deleted')
  } finally {
    prompt.close()
  }
}
