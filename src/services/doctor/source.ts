import { ImageryError } from '../../contracts/errors.ts'
import { defaultDataset, tablePath } from '../../contracts/names.ts'
import { datasetLocation, describeTable, dryRun } from '../../google/bigquery/bigquery.ts'
import { parseSource } from '../source/parse.ts'
import { sourceColumns } from '../source/columns.ts'
import { failed, ok, type Check } from './check.ts'

/** Made for one table: `imagery doctor --table TABLE`. */
export const source: Check = {
  name: 'table',
  title: 'Table',
  async run({ target: { place }, table: given = '', member }) {
    const parsed = await parseSource(given)
    if (parsed.kind !== 'table') return ok(`${given} is loaded into BigQuery when it is run`)
    const { table } = parsed
    const described = await describeTable(table)
    const grant = `bq query --project_id=${table.projectId} --use_legacy_sql=false 'GRANT \`roles/bigquery.dataViewer\` ON TABLE \`${given}\` TO "${member}"'`
    if (!described) return failed(`${given} does not exist, or this account may not see it`, grant)
    const { location, rows, fields, type } = described
    try {
      const columns = sourceColumns(given, fields, { asset: undefined, image: undefined, unit: 'asset' })
      // Without running it BigQuery says whether this account may read the rows.
      const path = tablePath({ projectId: table.projectId, dataset: table.dataset }, table.table)
      await dryRun(`SELECT \`${columns.imageColumn}\` FROM \`${path}\``, { projectId: place.projectId, location })
    } catch (error) {
      if (error instanceof ImageryError)
        return failed(error.message, '--asset-column COLUMN and --image-column COLUMN of imagery run')
      throw error
    }
    const dataset = { projectId: place.projectId, dataset: defaultDataset(location) }
    const elsewhere = await datasetLocation(dataset)
    if (elsewhere !== undefined && elsewhere.toLowerCase() !== location.toLowerCase()) {
      return failed(
        `${given} is in ${location}, and the dataset ${dataset.dataset} for its results is in ${elsewhere}`,
        `imagery run --output ANOTHER_DATASET`,
      )
    }
    const size = type === 'TABLE' ? `${rows.toLocaleString('en')} rows` : `a ${type.toLowerCase().replaceAll('_', ' ')}`
    return ok(`${given}: ${size} in ${location}; results go to ${dataset.dataset} there`)
  },
}
