import type { PipelineStep } from '../../contracts/steps.ts'
import { sourceValues, type SourceValues } from '../../run-data/source-values.ts'
import { countedColumns, NO_ASSET, type SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { counted } from '../../contracts/count-text.ts'
import { missingIdWarning, noAssetWarning, sharedIdWarning, shortenedIdWarning } from '../source/doubtful-ids.ts'
import { looksLikeCoordinates, looksLikeShape } from '../source/location-value.ts'
import {
  checkNewest,
  exampleText,
  isAmbiguousTime,
  unreadWarning,
  untimedWarning,
  type UnreadValues,
} from '../source/unread-values.ts'
import type { RecordedContext, RunContext } from './context.ts'
import type { SourceRead } from './read-source.ts'

/**
 * Warns of what the snapshot counted: of a table or Parquet file, times and locations that cannot be read, and IDs that merge
 * what may not be the same, which are counted in a text file when it is read; and of all of them, missing times that decide
 * which images are used.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED if the newest images would be chosen, and most times cannot be read
 */
export const checkValues: PipelineStep<RunContext & RecordedContext & SourceRead, object> = {
  title: 'Check the times, locations and IDs',
  async run({ spec, snapshot, warnings, options, choice }) {
    if (countedColumns(snapshot).length === 0) return { skipped: 'nothing to convert', adds: {} }
    const mostImages = choice.images.max_per_unit
    const found = await sourceValues(spec.tables, { location: spec.source.location, mostImages })
    const capture = found.find(({ name }) => name === 'capture_time')
    const isChosen = capture?.isChosen ?? false
    checkNewest(capture && unreadValues(capture), { ...choice, given: options.table, isChosen })
    const converted = found.filter(({ name }) => DOUBTS[name] === undefined)
    warnings.push(...unreadWarnings(converted, snapshot))
    warnings.push(...found.flatMap((values) => DOUBTS[values.name]?.(values, mostImages) ?? []))
    const read = converted.map(({ name, given, unread }) => `${name}: ${given - unread} of ${given}`)
    return { done: read.length === 0 ? 'nothing to convert' : read.join(', '), adds: {} }
  },
}

/** What to say of values that are read and may still not mean what the user thinks. */
const DOUBTS: Readonly<Record<string, (values: SourceValues, mostImages: number) => string[]>> = {
  [NO_ASSET]: ({ unread }) => (unread === 0 ? [] : [noAssetWarning(unread)]),
  missing_id: ({ unread, example }) =>
    unread === 0
      ? []
      : [missingIdWarning(unread, 'image', `an asset ID such as ${JSON.stringify(exampleText(example ?? ''))}`)],
  observation_id: (values) => (values.unread === 0 ? [] : [sharedIdWarning(sharedExample(values))]),
  order: ({ chosen, chosenExample }, most) =>
    chosen === 0 ? [] : [untimedWarning({ assets: chosen, most, example: chosenExample ?? '' })],
  shortened_id: ({ unread, example }) =>
    unread === 0 ? [] : [shortenedIdWarning(counted(unread, 'image'), exampleText(example ?? ''))],
}

function sharedExample({ unread, example }: SourceValues): string {
  const id = `observation_id ${JSON.stringify(exampleText(example ?? ''))}`
  return unread === 1 ? id : `${id} (${counted(unread, 'such ID')})`
}

/** One sentence for each column with values that cannot be read. Text that is never a location is a column like others. */
function unreadWarnings(found: readonly SourceValues[], snapshot: SnapshotSource): string[] {
  const { location, assetColumn, imageColumn } = snapshot
  const text =
    typeof location === 'object' && (location.kind === 'text' || location.kind === 'json') ? location : undefined
  const isIdentifier = text !== undefined && [assetColumn, imageColumn].includes(text.column)
  return found
    .filter(({ unread }) => unread > 0)
    .filter(({ name, given, unread, example }) => {
      const isOther = text !== undefined && name === 'location' && unread === given
      return !isOther || (!isIdentifier && (looksLikeCoordinates(example ?? '') || looksLikeShape(example ?? '')))
    })
    .map((values) => unreadWarning(unreadValues(values)))
}

function unreadValues({ name, given, unread, example }: SourceValues): UnreadValues {
  const text = example ?? ''
  const shown = name === 'location' ? exampleText(text) : JSON.stringify(exampleText(text))
  return { column: name, given, unread, example: shown, isAmbiguous: isAmbiguousTime(text), of: 'image' }
}
