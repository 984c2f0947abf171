import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import { readTime } from './time-text.ts'
import { counted } from '../../contracts/count-text.ts'

/** Values of one column that could not be read. */
export interface UnreadValues {
  column: string
  /** How many values there are. */
  given: number
  unread: number
  /** One that cannot be read, as a message shows it. */
  example: string
  /** Whether some of them are days that could be months. */
  isAmbiguous: boolean
  /** What is counted: rows of a file, images of a table. */
  of: 'row' | 'image'
}

/** The text of an example in a message is cut to this length. */
const MOST_LETTERS = 60

export function exampleText(text: string): string {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text
}

/** Whether a text could be two times. */
export function isAmbiguousTime(text: string): boolean {
  const read = readTime(text)
  return 'fault' in read && read.fault === 'ambiguous'
}

/** A sentence about values that are left out. */
export function unreadWarning({ column, unread, example, isAmbiguous, of }: UnreadValues): string {
  const why = isAmbiguous ? '; day/month and month/day look alike, so write times like 2026-11-03T20:58:37Z' : ''
  return `${column} of ${counted(unread, of)} cannot be read and is left out, for example ${example}${why}`
}

/** A sentence about assets with more images than a run uses, some without a time, so that the newest are not known. */
export function untimedWarning({ assets, most, example }: { assets: number; most: number; example: string }): string {
  return `${counted(assets, 'asset')} ${assets === 1 ? 'has' : 'have'} more than ${counted(most, 'image')}, and not each of these has a capture_time; those without one come last, in the order of their observation IDs, for example of asset ${JSON.stringify(exampleText(example))}`
}

/**
 * Checks that the newest images of an asset can be found, if a run uses only those.
 *
 * @param isChosen whether an asset has more images than the run uses
 * @throws ImageryError SOURCE_UNSUPPORTED if most times cannot be read
 */
export function checkNewest(
  values: UnreadValues | undefined,
  { unit, images, given, isChosen }: Pick<ModelChoice, 'unit' | 'images'> & { given: string; isChosen: boolean },
): void {
  if (!values || unit !== 'asset' || images.pick !== 'latest' || values.unread * 2 <= values.given || !isChosen) return
  throw new ImageryError(
    'SOURCE_UNSUPPORTED',
    `${given}: the latest images of an asset cannot be found, because ${values.column} cannot be read in ${values.unread} of ${counted(values.given, values.of)}, for example ${values.example}`,
    {
      suggestions: [
        'Write the times like 2026-11-03T20:58:37Z',
        `imagery run --table ${shellWord(given)} --pick spread …   (or --pick all: both use images without a time)`,
      ],
    },
  )
}
