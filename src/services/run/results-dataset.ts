import { ImageryError } from '../../contracts/errors.ts'
import { runtimeAccount } from '../../contracts/names.ts'
import { ensureDataset } from '../../google/bigquery/bigquery.ts'
import { grantDataEditor } from '../../google/bigquery/dataset-access.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { RESULTS_LABEL } from '../../contracts/labels.ts'
import type { RunContext } from './context.ts'

/** Makes the results dataset; remembers having made it, so that a run that comes to nothing can undo it. */
export async function createResultsDataset(context: RunContext): Promise<void> {
  const outcome = await ensureDataset(context.tables!, {
    location: context.location!,
    description: 'Results of imagery runs.',
    labels: { [RESULTS_LABEL]: '' },
  })
  context.datasetMade ||= outcome === 'created'
}

/**
 * Lets the runtime write to the results dataset, and to no other.
 *
 * @throws ImageryError ACCESS_DENIED, with what to hand to the dataset's owner, when only that may
 */
export async function grantRuntimeWrite({ tables, target, location }: RunContext): Promise<void> {
  const { projectId, dataset } = tables!
  const account = runtimeAccount(target.place)
  try {
    await grantDataEditor({ projectId, dataset }, account)
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'PERMISSION_DENIED') throw error
    const grant = `GRANT \`roles/bigquery.dataEditor\` ON SCHEMA \`${projectId}.${dataset}\` TO "serviceAccount:${account}"`
    throw new ImageryError(
      'ACCESS_DENIED',
      `imagery's services may not write to the dataset ${projectId}.${dataset}, and you may not let them: ${error.message}. They need roles/bigquery.dataEditor on it, from its owner`,
      {
        suggestions: [`bq query --project_id=${projectId} --location=${location} --use_legacy_sql=false '${grant}'`],
        cause: error,
      },
    )
  }
}
