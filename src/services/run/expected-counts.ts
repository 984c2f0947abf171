import { MISSING_IMAGE } from '../../contracts/image-version.ts'
import { bucketName, defaultDataset, runTables, tablePath } from '../../contracts/names.ts'
import { answererOf, questionHash } from '../../contracts/question-hash.ts'
import type { Carry } from '../../contracts/carry.ts'
import {
  ensureTable,
  queryRows,
  queryStream,
  type QueryOptions,
  type TableName,
} from '../../google/bigquery/bigquery.ts'
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
import { MOST_LOOKED_AT, objectVersions, versionsGiven } from './replaced-objects.ts'
import { countText } from '../../contracts/count-text.ts'

/** What a run would carry over. */
export interface ExpectedCounts {
  carry: Carry
  counts: CarriedCounts
}

/**
 * Counts the answers that a run would carry over. Compares the content of local images, and of images at gs:// addresses
 * unless there are very many or this account may not look at them; a warning says so.
 *
 * @param scratch a table to create for the versions of images; its dataset is temporary
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
  const objects = await objectsOf(context, comparison, query)
  const compared = { ...comparison, trustsAddresses: objects === undefined }
  if (scratch) {
    const description = 'Temporary, for an imagery estimate.'
    await ensureTable(scratch, { columns: VERSION_COLUMNS, description, labels: {} })
    const staged = localVersions(context, snapshot, queryStream(imagesToCompareQuery(comparison), query))
    await loadRows(scratch, both(staged, objects ?? new Map()), {
      location,
      columns: VERSION_COLUMNS,
      clusterBy: ['gcs_uri'],
    })
  }
  const given = scratch || !objects ? undefined : versionsGiven(objects)
  const versions = scratch ? quoted(tablePath(scratch, scratch.table)) : (given?.query ?? null)
  const [counts] = await queryRows<CarriedCounts>(expectedCountsQuery({ ...compared, versions }), {
    ...query,
    parameters: { ...query.parameters, ...given?.parameters },
  })
  if (!counts) throw new Error('BigQuery did not answer a count')
  return { carry, counts }
}

/** The versions of the images at gs:// addresses; undefined if their addresses are compared instead. */
async function objectsOf(
  { options, signal, warnings }: RunContext,
  comparison: Comparison,
  query: QueryOptions,
): Promise<ReadonlyMap<string, string> | undefined> {
  if (options.trustAddresses === true) return undefined
  const images = queryStream<{ gcs_uri: string }>(
    imagesToCompareQuery({ ...comparison, trustsAddresses: false }),
    query,
  )
  async function* notStaged(): AsyncGenerator<string> {
    for await (const { gcs_uri: uri } of images) if (!uri.startsWith(comparison.stagedPrefix)) yield uri
  }
  const found = await objectVersions(notStaged(), signal)
  if (found.kind === 'known') return found.versions.size === 0 ? undefined : found.versions
  const why =
    found.kind === 'denied'
      ? `your account may not look at ${found.example}`
      : `there are more than ${countText(MOST_LOOKED_AT)} images`
  warnings.push(`The estimate counts images that were replaced at the same address as unchanged, because ${why}`)
  return undefined
}

async function* both(
  staged: AsyncIterable<{ gcs_uri: string; version: string | null }>,
  objects: ReadonlyMap<string, string>,
): AsyncGenerator<{ gcs_uri: string; version: string | null }> {
  yield* staged
  for (const [gcs_uri, version] of objects) yield { gcs_uri, version }
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
