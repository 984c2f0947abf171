import { readFileSync } from 'node:fs'
import path from 'node:path'
import { formatGeminiChoice, parseGeminiChoice } from './gemini-choice.ts'

/** The file in a data folder that says what last answered Gemini calls there. It outlives the local cloud. */
export const LAST_GEMINI_FILE = 'last-gemini.json'

/** Returns what last answered Gemini calls in a data folder, as `formatGeminiChoice` does; undefined if nothing did. */
export function readLastGemini(dataDirectory: string): string | undefined {
  try {
    const { gemini } = JSON.parse(readFileSync(path.join(dataDirectory, LAST_GEMINI_FILE), 'utf8')) as {
      gemini?: unknown
    }
    const choice = typeof gemini === 'string' ? parseGeminiChoice(gemini) : undefined
    return choice && formatGeminiChoice(choice)
  } catch {
    // For convenience only: a run that needs another one says so.
    return undefined
  }
}
