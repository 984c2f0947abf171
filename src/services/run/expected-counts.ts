import { MISSING_IMAGE } from '../../contracts/image-version.ts'
import { bucketName, defaultDataset, runTables, tablePath } from '../../contracts/names.ts'
import { answererOf, questionHash } from '../../contracts/question-hash.ts'
import type { Carry } from '../../contracts/carry.ts'
import { ensureTable, queryRows, queryStream, type TableName } from '../../google/bigquery/bigquery.ts'
import { loadRows } from '../../google/bigquery/load-rows.ts'
import { fileVersion } from '../../google/storage/object-version.ts'
import { VERSION_COLUMNS } from '../../run-data/carried.ts'
import {
  expectedCountsQuery,
  imagesToCompareQuery,
  type CarriedCounts,
  type Comparison,
} from '../../run-data/sql/carry.ts'
import { quoted } from '../../run-data/sql/names.ts'
import { snapshotParameters, snapshotQuery, type SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { parseOutput } from '../options/run-options.ts'
import { openImageFolders, readImageFile } from '../source/image-file.ts'
import type { RunContext } from './context.ts'
import { answersFor } from './find-answers.ts'

/** What a run would carry over. */
export interface ExpectedCounts {
  carry: Carry
  counts: CarriedCounts
}

/**
 * Counts the answers that a run would carry over. Images at gs:// addresses count as unchanged, because only the run looks
 * at them; the content of local images is compared.
 *
 * @param scratch a table to create for the versions of local images; its dataset is temporary
 */
export async function expectedCounts(
  context: RunContext,
  { snapshot, location, scratch }: { snapshot: SnapshotSource; location: string; scratch?: TableName },
): Promise<ExpectedCounts> {
  const { options, profile, target, runId, choice, earlier } = context
  const { projectId } = target.place
  const output = parseOutput(options.output)
  const dataset = output.dataset ?? defaultDataset(location)
  const tables = runTables({ projectId, dataset, profile: profile.name, runId, output: output.table })
  const carry = await answersFor({ ...context, location, tables })
  // A local cloud that this command has not started for its answers can have none.
  const backend = target.kind === 'local' ? (context.gemini ?? earlier?.spec?.gemini_backend) : undefined
  const comparison: Comparison = {
    units: `(${snapshotQuery(snapshot)})`,
    versions: null,
    ledgers: carry.ledgers,
    profile,
    questionHash: questionHash({ ...choice, profile }, answererOf(choice.gemini, backend)),
    stagedPrefix: `gs://${bucketName(target.place)}/runs/`,
    trustsAddresses: true,
  }
  const query = { projectId, location, parameters: snapshotParameters(snapshot) }
  if (scratch) {
    const description = 'Temporary, for an imagery estimate.'
    await ensureTable(scratch, { columns: VERSION_COLUMNS, description, labels: {} })
    await loadRows(scratch, localVersions(context, snapshot, queryStream(imagesToCompareQuery(comparison), query)), {
      location,
      columns: VERSION_COLUMNS,
      clusterBy: ['gcs_uri'],
    })
  }
  const versions = scratch ? quoted(tablePath(scratch, scratch.table)) : null
  const [counts] = await queryRows<CarriedCounts>(expectedCountsQuery({ ...comparison, versions }), query)
  if (!counts) throw new Error('BigQuery did not answer a count')
  return { carry, counts }
}

/** The images of a local file as they would be staged. */
async function* localVersions(
  { source, imageRoots, signal }: RunContext,
  { imagePrefix }: SnapshotSource,
  images: AsyncIterable<{ gcs_uri: string }>,
): AsyncGenerator<{ gcs_uri: string; version: string | null }> {
  if (source.kind === 'table' || imagePrefix === null) return
  const folders = await openImageFolders(source.kind === 'file' ? source.imageFolder : source.folder, imageRoots)
  for await (const { gcs_uri: uri } of images) {
    signal.throwIfAborted()
    const file = await readImageFile(uri.slice(imagePrefix.length), folders)
    yield { gcs_uri: uri, version: 'bytes' in file ? ((await fileVersion(file.bytes)) ?? null) : MISSING_IMAGE }
  }
}
