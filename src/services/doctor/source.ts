import { ImageryError } from '../../contracts/errors.ts'
import { defaultDataset, tablePath } from '../../contracts/names.ts'
import { datasetLocation, describeTable, dryRun } from '../../google/bigquery/bigquery.ts'
import { parseSource } from '../source/parse.ts'
import { sourceColumns } from '../source/columns.ts'
import { failed, ok, type Check } from './check.ts'

/** Checks one table: `imagery doctor --table TABLE`. */
export const source: Check = {
  name: 'table',
  title: 'Table',
  async run({ target: { place }, table: given = '', member }) {
    const parsed = await parseSource(given)
    if (parsed.kind !== 'table') return ok(`imagery run loads ${given} into BigQuery`)
    const { table } = parsed
    const described = await describeTable(table)
    const grant = `bq query --project_id=${table.projectId} --use_legacy_sql=false 'GRANT \`roles/bigquery.dataViewer\` ON TABLE \`${given}\` TO "${member}"'`
    if (!described) return failed(`${given} does not exist, or this account has no access to it`, grant)
    const { isEgressRestricted } = described
    const { location, rows, fields, type } = described
    try {
      const columns = sourceColumns(given, fields, { asset: undefined, image: undefined, unit: 'asset' })
      // A dry run shows whether this account is allowed to read the rows.
      const path = tablePath({ projectId: table.projectId, dataset: table.dataset }, table.table)
      await dryRun(`SELECT \`${columns.imageColumn}\` FROM \`${path}\``, { projectId: place.projectId, location })
    } catch (error) {
      if (error instanceof ImageryError)
        return failed(
          error.message,
          'Name the columns with --asset-column COLUMN and --image-column COLUMN of imagery run',
        )
      throw error
    }
    const dataset = { projectId: place.projectId, dataset: defaultDataset(location) }
    const elsewhere = await datasetLocation(dataset)
    if (elsewhere !== undefined && elsewhere.toLowerCase() !== location.toLowerCase()) {
      return failed(
        `${given} is in ${location}, but the dataset ${dataset.dataset} for its results is in ${elsewhere}`,
        `imagery run --output ANOTHER_DATASET`,
      )
    }
    const size = type === 'TABLE' ? `${rows.toLocaleString('en')} rows` : `a ${type.toLowerCase().replaceAll('_', ' ')}`
    const egress = isEgressRestricted ? '; its publisher restricts data egress, so its rows are read and loaded' : ''
    return ok(`${given}: ${size} in ${location}; results go to dataset ${dataset.dataset}${egress}`)
  },
}
