import type { PipelineStep } from '../../contracts/steps.ts'
import { sourceValues, type SourceValues } from '../../run-data/source-values.ts'
import { countedColumns, type LocationKind } from '../../run-data/sql/snapshot.ts'
import { checkNewest, exampleText, isAmbiguousTime, unreadWarning, type UnreadValues } from '../source/unread-values.ts'
import type { RecordedContext, RunContext } from './context.ts'
import type { SourceRead } from './read-source.ts'

/**
 * Warns of times and locations of a table or Parquet file that cannot be read, which the snapshot counted. Those of a text
 * file are counted when it is read.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED if the newest images would be chosen, and most times cannot be read
 */
export const checkValues: PipelineStep<RunContext & RecordedContext & SourceRead, object> = {
  title: 'Check the times and locations',
  async run({ spec, snapshot, warnings, options, choice }) {
    if (countedColumns(snapshot).length === 0) return { skipped: 'nothing to convert', adds: {} }
    const mostImages = choice.images.max_per_unit
    const found = await sourceValues(spec.tables, { location: spec.source.location, mostImages })
    const capture = found.find(({ name }) => name === 'capture_time')
    const isChosen = capture?.isChosen ?? false
    checkNewest(capture && unreadValues(capture), { ...choice, given: options.table, isChosen })
    warnings.push(...unreadWarnings(found, snapshot.location))
    return {
      done: found.map(({ name, given, unread }) => `${name}: ${given - unread} of ${given}`).join(', '),
      adds: {},
    }
  },
}

/** One sentence for each column with values that cannot be read. Text that is never a location is a column like others. */
function unreadWarnings(found: readonly SourceValues[], location: LocationKind): string[] {
  const isText = typeof location === 'object' && (location.kind === 'text' || location.kind === 'json')
  return found
    .filter(({ name, given, unread }) => unread > 0 && !(isText && name === 'location' && unread === given))
    .map((values) => unreadWarning(unreadValues(values)))
}

function unreadValues({ name, given, unread, example }: SourceValues): UnreadValues {
  const text = example ?? ''
  const shown = name === 'location' ? exampleText(text) : JSON.stringify(exampleText(text))
  return { column: name, given, unread, example: shown, isAmbiguous: isAmbiguousTime(text), of: 'image' }
}
