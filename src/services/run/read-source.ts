import { bytesText } from '../../contracts/bytes-text.ts'
import type { Column } from '../../contracts/columns.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { defaultDataset, RUN_LABEL, runImagesPrefix, runTables, tablePath } from '../../contracts/names.ts'
import type { StepOutcome } from '../../contracts/steps.ts'
import {
  datasetLocation,
  describeTable,
  type TableDescription,
  type TableName,
} from '../../google/bigquery/bigquery.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { SCRATCH_MS } from '../../run-data/scratch-tables.ts'
import type { SnapshotSource } from '../../run-data/sql/snapshot.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { loadSource, prepareSource, type PreparedSource } from '../source/local-files.ts'
import { createResultsDataset, type ResultsDataset } from './results-dataset.ts'
import type { RunContext } from './context.ts'
import { parseOutput } from '../options/run-options.ts'
import { saveStartedRun } from '../runs/record.ts'
import { sourceColumns, type SourceColumns, type SourceField } from '../source/columns.ts'
import { columnsToKeep } from '../source/kept-columns.ts'
import { checkFilter, checkSnapshotQuery } from '../source/filter.ts'
import { missingTableError } from '../source/missing-table.ts'
import type { Source } from '../source/parse.ts'
import { withScratchFolder } from '../source/scratch-folder.ts'
import { isWildcard } from '../source/table-name.ts'
import { tableColumns } from '../source/table-source.ts'
import type { Target } from '../session/target.ts'

/** Where a local cloud loads files. Google's Street View Insights datasets are in US or EU. */
const LOCAL_LOCATION = 'US'

/** Where a file is loaded: on Google Cloud in the deployment's region, which the user chose and which is also a BigQuery location (https://cloud.google.com/bigquery/docs/locations#regions). */
export function fileLocation({ kind, place }: Target): string {
  return kind === 'local' ? LOCAL_LOCATION : place.region
}

/** What is known once the source is read. */
export interface SourceRead extends ResultsDataset {
  /** The table that the snapshot reads. */
  sourceTable: TableName
  /** When a BigQuery source was last modified; null for a loaded one. */
  sourceModifiedMs: number | null
  snapshot: SnapshotSource
  /** The bytes that the snapshot's query will read. */
  snapshotBytes: number
}

/**
 * Finds the source, its location and columns, chooses the run's tables, and checks the snapshot query
 * with a BigQuery dry run. Does not read a BigQuery source, and creates nothing for it. A local file is
 * first loaded into a table of the run.
 */
export async function readSource(context: RunContext): Promise<StepOutcome & { adds: SourceRead }> {
  const { options, choice, source } = context
  if (source.kind === 'table') return readTable(context, { source })
  const flags = { asset: options.assetColumn, image: options.imageColumn, unit: choice.unit }
  return withScratchFolder('imagery-', async (scratch) => {
    const prepared = await prepareSource(source, { ...choice, flags, scratch, imageRoots: context.imageRoots })
    context.warnings.push(...prepared.warnings)
    return readTable(context, { source, prepared })
  })
}

/** A file or folder of this machine. */
type LocalSource = Exclude<Source, { kind: 'table' }>

async function readTable(
  context: RunContext,
  given:
    | { source: Extract<Source, { kind: 'table' }>; prepared?: undefined }
    | { source: LocalSource; prepared: PreparedSource },
): Promise<StepOutcome & { adds: SourceRead }> {
  const { options, profile, target } = context
  const { source, prepared } = given
  const output = parseOutput(options.output)
  checkFilter(options.where ?? profile.where)
  const described = source.kind === 'table' ? await describeSource(source.table, context) : undefined
  const location = described?.location ?? fileLocation(target)
  const dataset = output.dataset ?? defaultDataset(location)
  const { projectId } = target.place
  const tables = runTables({ projectId, dataset, profile: profile.name, runId: context.runId, output: output.table })
  const hasDataset = await checkOutput({ tables, location }, output.table)

  // Before anything is created.
  if (prepared?.known) keptOf(context, prepared.known.fields)

  const sourceTable =
    prepared === undefined
      ? source.table
      : await load({ ...context, source }, { tables, location, hasDataset, prepared })
  const {
    fields: loaded,
    type,
    rows,
    isStreaming,
    partitions,
  } = described ?? (await describeSource(sourceTable, context))
  const fields = prepared?.known?.fields ?? loaded
  if (type === 'TABLE' && rows === 0 && !isStreaming && !isWildcard(sourceTable))
    throw new ImageryError('NO_ASSETS', `${options.table} has no rows`)

  const columns = prepared?.known?.columns ?? foundColumns(context, { fields, partitions })
  const snapshot = snapshotSource(context, tablePath(sourceTable, sourceTable.table), { columns, fields, type })
  const { bytes, isLowerBound, otherTables } = await checkSnapshotQuery(snapshot, {
    projectId,
    location,
    fields,
    partitions,
  })
  // For a view or a wildcard, BigQuery lists the tables behind it, which is not worth a warning.
  if (type === 'TABLE' && !isWildcard(sourceTable) && otherTables.length > 0)
    context.warnings.push(`--where also reads ${otherTables.join(', ')}`)
  if (isLowerBound) context.warnings.push(unknownBytesWarning(options.table))
  if (described?.isEgressRestricted) context.warnings.push(egressWarning(options.table))
  const adds = {
    location,
    tables,
    sourceTable,
    // Google says of a wildcard that it was modified at the moment of the call (googleapis/python-bigquery#2035).
    sourceModifiedMs: described && !isWildcard(sourceTable) ? described.modifiedMs : null,
    snapshot,
    snapshotBytes: bytes,
  }
  const read = isLowerBound ? 'files outside BigQuery' : bytesText(bytes)
  return { done: `${location}, ${read} to read once`, adds }
}

/** Returns what the snapshot of a run reads of the table at `path`, by the flags and the profile. */
export function snapshotSource(
  { options, profile, choice, source, target, runId, earlier }: RunContext,
  path: string,
  { columns, fields, type }: { columns: SourceColumns; fields: readonly SourceField[]; type?: string },
): SnapshotSource {
  const keep = keptOf({ options, profile, source }, fields)
  return {
    path,
    unit: choice.unit,
    images: choice.images,
    ...columns,
    ...(type === 'EXTERNAL' ? { isExternal: true } : {}),
    ...(keep.length > 0 ? { keep } : {}),
    imagePrefix: source.kind === 'table' ? null : runImagesPrefix(target.place, runId),
    fetchesImages: options.fetchImages === true,
    where: options.where ?? profile.where ?? null,
    limit: options.limit ?? null,
    sample:
      options.sample === undefined
        ? null
        : { size: options.sample, seed: options.seed ?? sampleSeed(earlier) ?? runId },
  }
}

/** Returns the columns of `--keep`. */
function keptOf(
  { options, profile, source }: Pick<RunContext, 'options' | 'profile' | 'source'>,
  fields: readonly SourceField[],
): Column[] {
  return columnsToKeep(options.keep, { table: options.table, fields, profile, isFile: source.kind === 'file' })
}

/** The seed of an earlier sample, so that the sample of an update has the same assets as far as they are still there. */
function sampleSeed(earlier: RunContext['earlier']): string | undefined {
  const seed = earlier?.spec?.source.parameters['seed']
  return typeof seed === 'string' ? seed : undefined
}

/** BigQuery bills what it reads of the files of an external table, but does not know how much that is before it reads them. */
function unknownBytesWarning(table: string): string {
  return `${table} has its rows in files outside BigQuery, so what reading them costs is not known before the run; estimates leave it out`
}

/** BigQuery writes no query over such a table into another one, so the snapshot is read here and loaded. */
function egressWarning(table: string): string {
  return `The publisher of ${table} restricts data egress: BigQuery does not copy its rows, so imagery reads them and loads them into the run's snapshot, which teardown deletes. Check that your agreement with the publisher allows that`
}

/** Finds the columns of a table in BigQuery. Its guesses become warnings. */
export function foundColumns(
  { options, choice, profile, source, warnings }: RunContext,
  described: Pick<TableDescription, 'partitions'> & { fields: readonly SourceField[] },
): SourceColumns {
  const flags = { asset: options.assetColumn, image: options.imageColumn, unit: choice.unit }
  if (source.kind !== 'table') {
    const { guesses, ...columns } = sourceColumns(options.table, described.fields, flags)
    warnings.push(...guesses)
    // The rows of a folder are imagery's own.
    return source.kind === 'folder' ? { ...columns, isConverted: true } : columns
  }
  const { columns, guesses } = tableColumns(source, described, { flags, where: options.where ?? profile.where })
  warnings.push(...guesses)
  return columns
}

export async function describeSource(table: TableName, { options, target }: RunContext) {
  const described = await describeTable(table).catch(async (error: unknown) => {
    const member = await callerMember().catch(() => undefined)
    const what = `Reading ${options.table}`
    throw missingRoleFailure(error, {
      place: target.place,
      to: 'runner',
      what,
      roles: [],
      member,
      table: tablePath(table, table.table),
    })
  })
  if (described) return described
  throw await missingTableError(table)
}

/**
 * Checks that the run overwrites no table.
 *
 * Returns whether the dataset exists.
 */
async function checkOutput({ tables, location }: ResultsDataset, table: string | undefined): Promise<boolean> {
  if (table !== undefined && (await describeTable(runTable(tables, 'results')))) {
    throw new ImageryError(
      'OUTPUT_EXISTS',
      `Table ${tablePath(tables, tables.results)} exists; imagery never overwrites tables`,
      {
        suggestions: [`imagery run --output ${tables.dataset}.${table}_2 …`],
      },
    )
  }
  const existing = await datasetLocation(tables)
  if (existing !== undefined && existing.toLowerCase() !== location.toLowerCase()) {
    throw new ImageryError(
      'INVALID_FLAG',
      `Dataset ${tables.projectId}.${tables.dataset} is in ${existing}, but the source is in ${location}; BigQuery cannot query across locations`,
      { suggestions: [`imagery run --output ${defaultDataset(location)} …`] },
    )
  }
  return existing !== undefined
}

async function load(
  context: RunContext & { source: LocalSource },
  { tables, location, hasDataset, prepared }: ResultsDataset & { hasDataset: boolean; prepared: PreparedSource },
): Promise<TableName> {
  const { source, target, runId, milestones } = context
  const table = runTable(tables, 'source')
  // Saved before anything is created, so that a killed command leaves a run that other commands can find and delete.
  await saveStartedRun(target.place, {
    v: 1,
    run_id: runId,
    started_at: context.startedAt.toISOString(),
    profile: context.profile.name,
    source: source.given,
    location,
    tables,
    makes_dataset: !hasDataset,
  })
  milestones.isStarted = true
  await createResultsDataset({ tables, location }, milestones)
  const properties = {
    description: `${source.given}, loaded for imagery run ${context.runId}.`,
    labels: { [RUN_LABEL]: context.runId },
    expiresAt: new Date(Date.now() + SCRATCH_MS),
  }
  milestones.hasTables = true
  await loadSource(source.given, table, { load: prepared.load, location, properties })
  return table
}
