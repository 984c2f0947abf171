/** A slice of the source: rows by their position in it. */
export interface OffsetShard {
  offset: number
  limit: number
}

/** The body of a task. */
export interface AssetTask {
  asset_id: string
  gcs_uris: string[]
}

/** What the services' process is told on its command line, as JSON. */
export interface BaselineSettings {
  projectId: string
  /** `project.dataset.table` */
  source: string
  dataset: string
  resultsTable: string
  /** Full name. */
  queue: string
}
