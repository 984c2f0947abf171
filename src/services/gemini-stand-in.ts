import { existsSync } from 'node:fs'
import { ImageryError } from '../contracts/errors.ts'
import { formatGeminiChoice, GEMINI_CHOICES, parseGeminiChoice } from '../contracts/gemini-choice.ts'
import type { LocalCloudLocator } from '../contracts/local-cloud-locator.ts'

/**
 * Who answers in Gemini's place, as `--gemini` says, with files made absolute.
 *
 * @throws ImageryError INVALID_FLAG or FILE_NOT_FOUND
 */
export function readGeminiFlag(flag: string | undefined): string | undefined {
  if (flag === undefined) return undefined
  const choice = parseGeminiChoice(flag)
  if (!choice) {
    throw new ImageryError('INVALID_FLAG', `--gemini ${flag}: write ${GEMINI_CHOICES}`, {
      suggestions: ['--gemini replay:answers.jsonl'],
    })
  }
  if (choice.kind !== 'forward' && !existsSync(choice.file)) {
    throw new ImageryError('FILE_NOT_FOUND', `--gemini ${flag}: there is no file ${choice.file}`)
  }
  return formatGeminiChoice(choice)
}

/**
 * A local cloud that runs keeps the stand-in that it was started with.
 *
 * @param asked as `readGeminiFlag` gives it
 * @param stop the command that stops the cloud
 * @throws ImageryError INVALID_FLAG when another one is asked for
 */
export function checkRunningGemini({ gemini }: LocalCloudLocator, asked: string | undefined, stop: string): void {
  if (asked === undefined || asked === gemini) return
  const has = gemini === undefined ? 'without --gemini' : `with --gemini ${gemini}`
  throw new ImageryError('INVALID_FLAG', `A local cloud is running ${has}; this command asks for --gemini ${asked}`, {
    suggestions: [stop],
  })
}
