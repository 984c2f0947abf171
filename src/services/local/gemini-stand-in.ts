import { statSync, type Stats } from 'node:fs'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText, otherKind } from '../../contracts/file-kind.ts'
import { MAX_TEXT_BYTES } from '../../contracts/text-file.ts'
import { formatGeminiChoice, GEMINI_CHOICES, parseGeminiChoice } from '@imagery/local-cloud/contract/gemini-choice'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'

/**
 * Parses `--gemini`, and makes its file path absolute.
 *
 * @throws ImageryError INVALID_FLAG or FILE_NOT_FOUND
 */
export function readGeminiFlag(flag: string | undefined): string | undefined {
  if (flag === undefined) return undefined
  const choice = parseGeminiChoice(flag)
  if (!choice) {
    throw new ImageryError('INVALID_FLAG', `--gemini ${flag} is not valid; use ${GEMINI_CHOICES}`, {
      suggestions: ['--gemini replay:answers.jsonl'],
    })
  }
  if (choice.kind !== 'forward') checkFile(flag, choice.file, MAX_BYTES[choice.kind])
  return formatGeminiChoice(choice)
}

/** The local cloud reads the whole file into memory as one string. */
const MAX_BYTES = { replay: 256 * 1024 ** 2, script: MAX_TEXT_BYTES }

/** The local cloud, a separate process, reads the file, and reads it again after a restart, so the file cannot be a pipe. */
function checkFile(flag: string, file: string, maxBytes: number): void {
  let stats: Stats
  try {
    stats = statSync(file)
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    const why = isMissing ? `file ${file} does not exist` : `${file} cannot be read: ${errnoText(error)}`
    throw new ImageryError('FILE_NOT_FOUND', `--gemini ${flag}: ${why}`, { cause: error })
  }
  const kind = otherKind(stats)
  const fault =
    kind === undefined
      ? stats.size > maxBytes && `${file} is larger than ${maxBytes / 1024 ** 2} MiB`
      : `${file} is ${kind}, not a file`
  if (fault) throw new ImageryError('FILE_NOT_FOUND', `--gemini ${flag}: ${fault}`)
}

/**
 * Checks that a running local cloud has the requested stand-in, because it keeps the one that it was
 * started with.
 *
 * @param asked as `readGeminiFlag` returns it
 * @param stop the command that stops the cloud
 * @throws ImageryError INVALID_FLAG if another one is requested
 */
export function checkRunningGemini({ gemini }: LocalCloudLocator, asked: string | undefined, stop: string): void {
  if (asked === undefined || asked === gemini) return
  const has = gemini === undefined ? 'without --gemini' : `with --gemini ${gemini}`
  throw new ImageryError(
    'INVALID_FLAG',
    `The local cloud is running ${has}, but this command needs --gemini ${asked}`,
    {
      suggestions: [stop],
    },
  )
}
