import { ImageryError } from '../../contracts/errors.ts'
import { runtimeAccount, type RunTables } from '../../contracts/names.ts'
import { ensureDataset } from '../../google/bigquery/bigquery.ts'
import { grantDataEditor } from '../../google/bigquery/dataset-access.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { RESULTS_LABEL } from '../../contracts/labels.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { createLedger } from '../../run-data/run-tables.ts'
import { knownRefusal } from '../failures/known-refusal.ts'
import type { RecordedContext, RunMilestones } from './context.ts'
import type { Target } from '../session/target.ts'

/** The dataset that holds a run's tables. */
export interface ResultsDataset {
  tables: RunTables
  location: string
}

/** Creates the results dataset, and records that, so that a failed run can delete it again. */
export async function createResultsDataset(
  { tables, location }: ResultsDataset,
  milestones: RunMilestones,
): Promise<void> {
  const outcome = await ensureDataset(tables, {
    location,
    description: 'Results of imagery runs.',
    labels: { [RESULTS_LABEL]: '' },
  })
  if (outcome === 'created') milestones.datasetFor = tables
}

/**
 * Creates the run's ledger, which also shows, before the source is read, that this account may create tables in the
 * dataset: in one that another user made, it needs a role of its own.
 *
 * @throws ImageryError ACCESS_DENIED with a command for the dataset's owner
 */
export async function createOwnLedger({ spec, target, milestones }: RecordedContext): Promise<void> {
  const hadTables = milestones.hasTables
  milestones.hasTables = true
  await createLedger(spec).catch(async (error: unknown) => {
    if (!(error instanceof CloudError) || error.status !== 'PERMISSION_DENIED') throw error
    milestones.hasTables = hadTables
    const known = knownRefusal(error, target.place)
    if (known) throw known
    const { projectId, dataset } = spec.tables
    const member = (await callerMember().catch(() => undefined)) ?? 'user:EMAIL'
    const grant = `GRANT \`roles/bigquery.dataEditor\` ON SCHEMA \`${projectId}.${dataset}\` TO "${member}"`
    throw new ImageryError(
      'ACCESS_DENIED',
      `You are not allowed to create tables in dataset ${projectId}.${dataset}: ${error.message.replace(/\.$/, '')}. Its owner must grant you roles/bigquery.dataEditor on it`,
      {
        suggestions: [
          `bq query --project_id=${projectId} --location=${spec.source.location} --use_legacy_sql=false '${grant}'`,
          `imagery run${target.flags} --output ANOTHER_DATASET …`,
        ],
        cause: error,
      },
    )
  })
}

/**
 * Allows the runtime to write to the results dataset, and to no other.
 *
 * @throws ImageryError ACCESS_DENIED with a command for the dataset's owner, if only the owner may do this
 */
export async function grantRuntimeWrite({ tables, location }: ResultsDataset, target: Target): Promise<void> {
  const { projectId, dataset } = tables
  const account = runtimeAccount(target.place)
  try {
    await grantDataEditor({ projectId, dataset }, account)
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 'PERMISSION_DENIED') throw error
    const grant = `GRANT \`roles/bigquery.dataEditor\` ON SCHEMA \`${projectId}.${dataset}\` TO "serviceAccount:${account}"`
    throw new ImageryError(
      'ACCESS_DENIED',
      `imagery's services are not allowed to write to dataset ${projectId}.${dataset}, and you are not allowed to grant them access: ${error.message}. The dataset's owner must grant them roles/bigquery.dataEditor`,
      {
        suggestions: [`bq query --project_id=${projectId} --location=${location} --use_legacy_sql=false '${grant}'`],
        cause: error,
      },
    )
  }
}
