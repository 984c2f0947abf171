import type { PipelineStep } from '../../contracts/steps.ts'
import { sourceValues, type SourceValues } from '../../run-data/source-values.ts'
import { countedColumns, type LocationKind } from '../../run-data/sql/snapshot.ts'
import { counted } from '../../contracts/count-text.ts'
import { sharedIdWarning } from '../source/doubtful-ids.ts'
import { looksLikeCoordinates } from '../source/location-value.ts'
import { checkNewest, exampleText, isAmbiguousTime, unreadWarning, type UnreadValues } from '../source/unread-values.ts'
import type { RecordedContext, RunContext } from './context.ts'
import type { SourceRead } from './read-source.ts'

/**
 * Warns of times and locations of a table or Parquet file that cannot be read, and of observation IDs of several images,
 * which the snapshot counted. Those of a text file are counted when it is read.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED if the newest images would be chosen, and most times cannot be read
 */
export const checkValues: PipelineStep<RunContext & RecordedContext & SourceRead, object> = {
  title: 'Check the times, locations and observation IDs',
  async run({ spec, snapshot, warnings, options, choice }) {
    if (countedColumns(snapshot).length === 0) return { skipped: 'nothing to convert', adds: {} }
    const mostImages = choice.images.max_per_unit
    const found = await sourceValues(spec.tables, { location: spec.source.location, mostImages })
    const capture = found.find(({ name }) => name === 'capture_time')
    const isChosen = capture?.isChosen ?? false
    checkNewest(capture && unreadValues(capture), { ...choice, given: options.table, isChosen })
    warnings.push(...unreadWarnings(found.filter(isConverted), snapshot.location))
    const observations = found.find((values) => !isConverted(values))
    if (observations && observations.unread > 0) warnings.push(sharedIdWarning(sharedExample(observations)))
    return {
      done: found.map(({ name, given, unread }) => `${name}: ${given - unread} of ${given}`).join(', '),
      adds: {},
    }
  },
}

function isConverted({ name }: SourceValues): boolean {
  return name !== 'observation_id'
}

function sharedExample({ unread, example }: SourceValues): string {
  const id = `observation_id ${JSON.stringify(exampleText(example ?? ''))}`
  return unread === 1 ? id : `${id} (${counted(unread, 'such ID')})`
}

/** One sentence for each column with values that cannot be read. Text that is never a location is a column like others. */
function unreadWarnings(found: readonly SourceValues[], location: LocationKind): string[] {
  const isText = typeof location === 'object' && (location.kind === 'text' || location.kind === 'json')
  return found
    .filter(({ unread }) => unread > 0)
    .filter(({ name, given, unread, example }) => {
      const isOther = isText && name === 'location' && unread === given
      return !isOther || looksLikeCoordinates(example ?? '')
    })
    .map((values) => unreadWarning(unreadValues(values)))
}

function unreadValues({ name, given, unread, example }: SourceValues): UnreadValues {
  const text = example ?? ''
  const shown = name === 'location' ? exampleText(text) : JSON.stringify(exampleText(text))
  return { column: name, given, unread, example: shown, isAmbiguous: isAmbiguousTime(text), of: 'image' }
}
