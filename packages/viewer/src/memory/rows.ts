import type { Row } from '../contract/columns.ts'
import type { UnitAttempt } from '../contract/source.ts'

/** A row of a run as a report carries it. */
export interface CarriedRow {
  unit_id: string
  asset_id: string | null
  status: string
  /** In degrees. */
  location: { longitude: number; latitude: number } | null
  readonly values: Row
  readonly images: CarriedImage[]
  readonly attempts: UnitAttempt[]
}

export interface CarriedImage {
  observation_id: string | null
  gcs_uri: string
}
