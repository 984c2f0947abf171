/** A slice of the source: a range of row positions. */
export interface OffsetShard {
  offset: number
  limit: number
}

/** The body of a task. */
export interface AssetTask {
  asset_id: string
  gcs_uris: string[]
}

/** Settings of the services' process, passed on its command line as JSON. */
export interface BaselineSettings {
  projectId: string
  /** `project.dataset.table` */
  source: string
  dataset: string
  resultsTable: string
  /** Full name. */
  queue: string
  /** The time of a model's answer. */
  modelMs: number
}
