import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { sourceCounts, type SourceCounts, type UnitGroup } from '../../run-data/source-counts.ts'
import { addressScheme } from '../../contracts/gs-uri.ts'
import type { SnapshotSource } from '../../run-data/sql/snapshot.ts'

type Counted = Omit<SnapshotSource, 'path' | 'where'>

interface Observation {
  uri: string | undefined
  order: readonly [snapshot: string, captured: string]
}

/**
 * Counts the units of a prepared table, JSON lines, as the snapshot's query would, without a database. For a table without
 * a condition: only BigQuery understands those.
 *
 * @returns the counts, and about the bytes that the snapshot's query would read of the loaded table
 */
export async function countRows(
  file: string,
  source: Counted,
  signal: AbortSignal,
): Promise<{ counts: SourceCounts; snapshotBytes: number }> {
  const units = new Map<string, { assetId: string | null; observations: Map<string, Observation> }>()
  const rows = { rows: 0, rowsWithoutAsset: 0, rowsWithoutImage: 0, repeatedRows: 0 }
  let snapshotBytes = 0
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    signal.throwIfAborted()
    if (line === '') continue
    rows.rows += 1
    const row = JSON.parse(line) as Record<string, unknown>
    const asset = source.assetColumn === null ? undefined : text(row[source.assetColumn])
    const image = text(row[source.imageColumn])
    const observation = (source.hasObservationId ? text(row['observation_id']) : undefined) ?? image
    snapshotBytes += [asset, image, observation].reduce((sum, value) => sum + 2 + Buffer.byteLength(value ?? ''), 32)
    if (source.unit === 'asset' && asset === undefined) {
      rows.rowsWithoutAsset += 1
      continue
    }
    if (image === undefined) rows.rowsWithoutImage += 1
    if (asset === undefined && observation === undefined) continue
    const key = source.unit === 'asset' ? (asset ?? '') : JSON.stringify([asset ?? null, observation ?? ''])
    const unit = units.get(key) ?? { assetId: asset ?? null, observations: new Map<string, Observation>() }
    units.set(key, unit)
    const found = {
      uri: image,
      order: [sortable(text(row['snapshot_id']) ?? ''), text(row['capture_time']) ?? ''] as const,
    }
    const known = unit.observations.get(observation ?? '')
    if (known) rows.repeatedRows += 1
    if (!known || isNewer(found, known)) unit.observations.set(observation ?? '', found)
  }
  const groups = new Map<number, UnitGroup>()
  for (const [key, { assetId, observations }] of chosen(units, source)) {
    const images = [...observations]
      .filter(([, { uri }]) => uri !== undefined)
      .toSorted(([a, one], [b, other]) => compare(other.order[1], one.order[1]) || compare(a, b))
      .map(([, { uri }]) => address(uri ?? '', source))
    const group = groups.get(images.length) ?? { images: images.length, units: 0, foreignImages: 0, samples: [] }
    groups.set(images.length, group)
    group.units += 1
    group.foreignImages += images.filter((uri) => 'fault' in parseGsUri(uri) && addressScheme(uri) !== 'gs').length
    const unitId = source.unit === 'asset' ? key : unitOf(...(JSON.parse(key) as [string | null, string]))
    if (group.samples.length < SAMPLES) group.samples.push({ unitId, assetId, images })
  }
  return { counts: sourceCounts([...groups.values()], rows, source.images), snapshotBytes }
}

const SAMPLES = 3

/** A snapshot's ID as the snapshot's query sorts it. */
export function sortable(id: string): string {
  return id.replaceAll(/[0-9]+/g, (digits) => digits.replace(/^0+/, '').padStart(40, '0'))
}

/** Empty text is no value. */
function text(value: unknown): string | undefined {
  if (value === null || value === undefined || value === '') return undefined
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function unitOf(asset: string | null, observation: string): string {
  return asset === null ? observation : `${asset}/${observation}`
}

/** Whether the snapshot's query takes a row rather than another of the same observation. */
function isNewer(one: Observation, other: Observation): boolean {
  const order = compare(one.order[0], other.order[0]) || compare(one.order[1], other.order[1])
  if (order !== 0 || one.uri === undefined) return order > 0
  return other.uri === undefined || compare(one.uri, other.uri) < 0
}

/** The units that `--limit` or `--sample` leaves, by ID. Which units a sample has does not matter, only that it is even. */
function* chosen<Unit>(units: ReadonlyMap<string, Unit>, { limit, sample }: Counted): Generator<[string, Unit]> {
  const keys = [...units.keys()]
  const hash = (key: string): string => createHash('sha256').update(`${sample?.seed}${key}`).digest('hex')
  if (sample)
    keys.splice(
      0,
      keys.length,
      ...keys
        .map((key) => [hash(key), key] as const)
        .toSorted(byFirst)
        .map(second),
    )
  const left = sample ? keys.slice(0, sample.size).toSorted(compare) : keys.toSorted(compare)
  for (const key of left.slice(0, limit ?? left.length)) yield [key, units.get(key)!]
}

function byFirst([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return compare(one, other)
}

function second([, key]: readonly [string, string]): string {
  return key
}

/** BigQuery's order of texts, by bytes. */
function compare(one: string, other: string): number {
  return one === other ? 0 : Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** The address of an image in the run: below the prefix if it is a path, or is fetched. */
function address(uri: string, { imagePrefix, fetchesImages }: Counted): string {
  const scheme = addressScheme(uri)
  const isStaged = scheme === undefined || scheme === 'file' || (scheme === 'https' && fetchesImages === true)
  return isStaged && imagePrefix !== null ? `${imagePrefix}${uri}` : uri
}
