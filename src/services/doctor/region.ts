import { nearestFirst } from '../../contracts/regions.ts'
import { regionsOf } from '../../google/rest/locations.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { failed, ok, type Check } from './check.ts'

/** The date of the list below. */
const TASKS_REGIONS_DATED = '2026-11-30'

/** https://cloud.google.com/tasks/docs/locations, for accounts that are not allowed to ask Cloud Tasks. */
const TASKS_REGIONS: readonly string[] = [
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

/** The finding names this many other regions. */
const NAMED_REGIONS = 3

/** A deployment needs Cloud Run and Cloud Tasks in its region, and not every region of Cloud Run has Cloud Tasks. */
export const region: Check = {
  name: 'region',
  title: 'Region',
  async run({ target: { place } }) {
    const runRegions = await regionsOf('run', 'v1', place.projectId)
    const hasRun = runRegions.includes(place.region)
    const asked = await tasksRegions(place.projectId).catch((error: unknown) => {
      // Cloud Run's answer is enough to fail.
      if (hasRun || !(error instanceof CloudError)) throw error
      return undefined
    })
    const regions = asked ?? TASKS_REGIONS
    const hasTasks = regions.includes(place.region)
    if (hasRun && hasTasks) return ok(place.region)
    const missing = [...(hasRun ? [] : ['Cloud Run']), ...(hasTasks ? [] : ['Cloud Tasks'])]
    const asOf = asked || hasTasks ? '' : ` (as of ${TASKS_REGIONS_DATED})`
    const both = nearestFirst(
      place.region,
      runRegions.filter((each) => regions.includes(each)),
    ).slice(0, NAMED_REGIONS)
    return failed(
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not available in ${place.region}${asOf}; the nearest regions with Cloud Run and Cloud Tasks are ${both.join(', ')}`,
      `imagery config set region ${both[0] ?? 'us-central1'}`,
    )
  },
}

/**
 * Returns the regions of Cloud Tasks for a project; undefined if this account is not allowed to ask.
 *
 * @throws CloudError SERVICE_DISABLED while the API is off
 */
async function tasksRegions(projectId: string): Promise<string[] | undefined> {
  try {
    return await regionsOf('cloudtasks', 'v2', projectId)
  } catch (error) {
    if (error instanceof CloudError && error.status === 'PERMISSION_DENIED' && error.reason !== 'SERVICE_DISABLED')
      return undefined
    throw error
  }
}
