import type { ImagePick } from '../contracts/model-options.ts'
import { dryRun, queryRows, type QueryOptions } from '../google/bigquery/bigquery.ts'
import { sourceRowsQuery, unitGroupsQuery } from './sql/estimate.ts'
import { snapshotParameters, type SnapshotSource } from './sql/snapshot.ts'

/** What a run over a source would have. */
export interface SourceCounts {
  units: number
  /** The images that the run would use. */
  images: number
  /** Units by the images that the run would use of each, from the fewest. */
  histogram: { images: number; units: number }[]
  /** Images beyond the maximum per unit. */
  imagesOverLimit: number
  /** Images at addresses that imagery does not read. They count as images of their units. */
  foreignImages: number
  /** Rows of the source that match the condition. The four kinds below are not exclusive. */
  rows: number
  rowsWithoutAsset: number
  rowsWithoutImage: number
  /** Rows of an observation that another row has too, from a newer snapshot of the dataset. */
  repeatedRows: number
  samples: SampleUnit[]
}

export interface SampleUnit {
  unitId: string
  assetId: string | null
  /** The addresses of the images that the run would use, in its order. */
  images: string[]
}

/** Units with the same number of images, and some of them. */
export interface UnitGroup {
  /** All images of each unit. */
  images: number
  units: number
  foreignImages: number
  /** With all images, newest first. */
  samples: SampleUnit[]
}

export type RowCounts = Pick<SourceCounts, 'rows' | 'rowsWithoutAsset' | 'rowsWithoutImage' | 'repeatedRows'>

const SAMPLES = 3

/** Combines the groups of a source's units. */
export function sourceCounts(
  groups: readonly UnitGroup[],
  rows: RowCounts,
  { max_per_unit: most, pick }: { max_per_unit: number; pick: ImagePick },
): SourceCounts {
  const histogram = new Map<number, number>()
  for (const { images, units } of groups) {
    const used = Math.min(images, most)
    histogram.set(used, (histogram.get(used) ?? 0) + units)
  }
  const sum = (of: (group: UnitGroup) => number): number => groups.reduce((total, group) => total + of(group), 0)
  const samples = groups.flatMap((group) => group.samples).toSorted((a, b) => (a.unitId < b.unitId ? -1 : 1))
  return {
    ...rows,
    units: sum(({ units }) => units),
    images: sum(({ images, units }) => units * Math.min(images, most)),
    imagesOverLimit: sum(({ images, units }) => units * Math.max(0, images - most)),
    foreignImages: sum(({ foreignImages }) => foreignImages),
    histogram: [...histogram].map(([images, units]) => ({ images, units })).toSorted((a, b) => a.images - b.images),
    samples: samples.slice(0, SAMPLES).map((unit) => ({ ...unit, images: pickImages(unit.images, most, pick) })),
  }
}

/** Chooses images as the snapshot does. */
function pickImages(images: readonly string[], most: number, pick: ImagePick): string[] {
  if (pick !== 'spread') return images.slice(0, most)
  const step = (place: number): number => Math.floor((place * (most - 1)) / Math.max(images.length - 1, 1))
  return images.filter((_, place) => place === 0 || images.length <= most || step(place) > step(place - 1))
}

interface GroupRow {
  images: number | string
  units: number | string
  foreign_images: number | string
  samples: { unit_id: string; asset_id: string | null; observations: { gcs_uri: string }[] }[]
}

/**
 * Counts a table's units with two queries that only read.
 *
 * @returns the counts, and the bytes that these queries read
 */
export async function countSource(
  source: SnapshotSource,
  place: Pick<QueryOptions, 'projectId' | 'location'>,
): Promise<{ counts: SourceCounts; bytesRead: number }> {
  const queries = [
    { sql: unitGroupsQuery(source), options: { ...place, parameters: snapshotParameters(source) } },
    { sql: sourceRowsQuery(source), options: place },
  ] as const
  const runs = await Promise.all(queries.map(({ sql, options }) => dryRun(sql, options)))
  const groups = await queryRows<GroupRow>(queries[0].sql, { ...queries[0].options, timeoutMs: QUERY_MS })
  const [counted] = await queryRows<Record<string, number | string>>(queries[1].sql, {
    ...queries[1].options,
    timeoutMs: QUERY_MS,
  })
  const number = (name: string): number => Number(counted?.[name] ?? 0)
  const rows = {
    rows: number('source_rows'),
    rowsWithoutAsset: number('without_asset'),
    rowsWithoutImage: number('without_image'),
    repeatedRows: number('repeated'),
  }
  const counts = sourceCounts(groups.map(unitGroup), rows, source.images)
  return { counts, bytesRead: runs.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** As long as a snapshot may take. */
const QUERY_MS = 600_000

function unitGroup(row: GroupRow): UnitGroup {
  return {
    images: Number(row.images),
    units: Number(row.units),
    foreignImages: Number(row.foreign_images),
    samples: row.samples.map(({ unit_id, asset_id, observations }) => ({
      unitId: unit_id,
      assetId: asset_id,
      images: observations.map(({ gcs_uri }) => gcs_uri),
    })),
  }
}
