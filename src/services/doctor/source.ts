import { ImageryError } from '../../contracts/errors.ts'
import { defaultDataset, tablePath } from '../../contracts/names.ts'
import { datasetLocation, describeTable } from '../../google/bigquery/bigquery.ts'
import { checkSnapshotQuery } from '../source/filter.ts'
import { prepareSource } from '../source/local-files.ts'
import { missingTable } from '../source/missing-table.ts'
import { parseSource, type Source, type TableSource } from '../source/parse.ts'
import { withScratchFolder } from '../source/scratch-folder.ts'
import { tableColumns, wholeSnapshot } from '../source/table-source.ts'
import type { SourceColumns } from '../source/columns.ts'
import { failed, ok, warning, type Check, type DoctorContext, type Finding } from './check.ts'
import { counted } from '../../contracts/count-text.ts'

/** What `imagery run` does without flags. */
const USUAL = { unit: 'asset', images: { max_per_unit: 6, pick: 'latest' } } as const
const FLAGS = { asset: undefined, image: undefined, unit: USUAL.unit }

/** Checks one table as `imagery run` reads it: `imagery doctor --table TABLE`. */
export const source: Check = {
  name: 'table',
  title: 'Table',
  async run(context) {
    try {
      const parsed = await parseSource(context.table ?? '')
      return await (parsed.kind === 'table' ? checkTable(parsed, context) : checkFile(parsed))
    } catch (error) {
      if (error instanceof ImageryError) return failed(error.message, ...error.suggestions)
      throw error
    }
  },
}

/** Reads a file or lists a folder as a run does before it loads it. */
async function checkFile(parsed: Exclude<Source, { kind: 'table' }>): Promise<Finding> {
  return withScratchFolder('imagery-', async (scratch) => {
    const { known, warnings } = await prepareSource(parsed, { ...USUAL, flags: FLAGS, scratch })
    return found(`imagery run loads ${parsed.given} into BigQuery${usedColumns(known?.columns)}`, warnings)
  })
}

async function checkTable(parsed: TableSource, { target: { place }, member }: DoctorContext): Promise<Finding> {
  const { given, table } = parsed
  const path = tablePath(table, table.table)
  const described = await describeTable(table)
  if (!described) {
    const { message, suggestions } = await missingTable(table)
    const grant = `bq query --project_id=${table.projectId} --use_legacy_sql=false 'GRANT \`roles/bigquery.dataViewer\` ON TABLE \`${path}\` TO "${member}"'`
    return failed(message, ...suggestions, grant)
  }
  const { location, rows, type, fields, isEgressRestricted } = described
  const { columns, guesses } = tableColumns(parsed, described, { flags: FLAGS, where: undefined })
  // A dry run shows whether this account is allowed to read the rows, and whether they can be read without a filter.
  const where = { projectId: place.projectId, location, fields, partitions: described.partitions }
  await checkSnapshotQuery(wholeSnapshot(path, columns, USUAL), where)
  const dataset = { projectId: place.projectId, dataset: defaultDataset(location) }
  const elsewhere = await datasetLocation(dataset)
  if (elsewhere !== undefined && elsewhere.toLowerCase() !== location.toLowerCase()) {
    return failed(
      `${given} is in ${location}, but the dataset ${dataset.dataset} for its results is in ${elsewhere}`,
      `imagery run --output ANOTHER_DATASET`,
    )
  }
  const size = type === 'TABLE' ? counted(rows, 'row') : `a ${type.toLowerCase().replaceAll('_', ' ')}`
  const egress = isEgressRestricted ? '; its publisher restricts data egress, so its rows are read and loaded' : ''
  const detail = `${given}: ${size} in ${location}; results go to dataset ${dataset.dataset}${egress}`
  return found(`${detail}${usedColumns(columns)}`, guesses)
}

function usedColumns(columns: SourceColumns | undefined): string {
  if (!columns) return ''
  return `; the asset ID is in ${columns.assetColumn ?? 'no column'}, the image in ${columns.imageColumn}`
}

/** A guess or a value that is left out is no problem, but the user should know. */
function found(detail: string, warnings: readonly string[]): Finding {
  return warnings.length === 0 ? ok(detail) : warning([detail, ...warnings].join('. '))
}
