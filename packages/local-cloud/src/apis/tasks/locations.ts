import type { LocationsMethod } from '../../kernel/locations.ts'

/** https://cloud.google.com/tasks/docs/locations, as of 2026-11: fewer than Cloud Run has. */
export const TASKS_REGIONS: readonly string[] = [
  'asia-east1',
  'asia-east2',
  'asia-northeast1',
  'asia-northeast2',
  'asia-northeast3',
  'asia-south1',
  'asia-southeast1',
  'asia-southeast2',
  'australia-southeast1',
  'europe-central2',
  'europe-west1',
  'europe-west2',
  'europe-west3',
  'europe-west6',
  'northamerica-northeast1',
  'southamerica-east1',
  'us-central1',
  'us-east1',
  'us-east4',
  'us-west1',
  'us-west2',
  'us-west3',
  'us-west4',
]

/** https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations/list */
export const TASKS_LOCATIONS: LocationsMethod = {
  method: 'google.cloud.tasks.v2.Locations/ListLocations',
  version: 'v2',
  permission: 'cloudtasks.locations.list',
  regions: TASKS_REGIONS,
}
