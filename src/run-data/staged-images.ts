import { runImagesPrefix, tablePath, type RunTables } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { queryStream } from '../google/bigquery/bigquery.ts'
import { quoted } from './sql/names.ts'

/** An image of the snapshot that the run copies to its bucket. */
export interface StagedImage {
  unit_id: string
  gcs_uri: string
}

/** The images in the run's own folder. A snapshot of a million images elsewhere gives no row. */
export function stagedImagesQuery(tables: RunTables): string {
  return `SELECT unit_id, image.gcs_uri AS gcs_uri
FROM ${quoted(tablePath(tables, tables.assets))}, UNNEST(observations) AS image
WHERE STARTS_WITH(image.gcs_uri, @folder)`
}

/** Yields the images of a run's snapshot that are in its own folder of the bucket, once for each unit that has them. */
export function stagedImages(
  spec: Pick<RunSpec, 'tables' | 'source' | 'place' | 'run_id'>,
): AsyncIterable<StagedImage> {
  return queryStream<StagedImage>(stagedImagesQuery(spec.tables), {
    projectId: spec.tables.projectId,
    location: spec.source.location,
    parameters: { folder: runImagesPrefix(spec.place, spec.run_id) },
  })
}
