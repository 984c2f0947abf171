import { mainService, populateService, type DeploymentRef } from '../../contracts/names.ts'
import { listBuckets } from '../../google/storage/bucket.ts'
import { describeService } from '../../google/cloud-run/services.ts'
import { DEPLOYMENT_LABEL, deploymentLabels } from '../../contracts/labels.ts'
import { deploymentJson, type DeploymentJson } from '../session/target.ts'

/** A deployment found in its project. */
export interface FoundDeployment extends DeploymentJson {
  bucket: string
  /** `ready`: both services are ready. `incomplete`: a deploy or a teardown stopped halfway. */
  state: 'ready' | 'incomplete'
  main_url: string | null
}

/**
 * Finds the deployments of a project, in all regions and with all names, by the label on their
 * buckets. A deploy creates the bucket first and a teardown deletes it last.
 */
export async function findDeployments(projectId: string): Promise<FoundDeployment[]> {
  const buckets = await listBuckets(projectId, 'imagery-')
  const found = await Promise.all(
    buckets.map(async ({ name: bucket, labels, location }): Promise<FoundDeployment[]> => {
      const prefix = labels[DEPLOYMENT_LABEL]
      if (prefix === undefined) return []
      const name = prefix === 'imagery' ? undefined : prefix.slice('imagery-'.length)
      const place = { projectId, region: location, ...(name === undefined ? {} : { name }) }
      const [main, populate] = await Promise.all([
        describeService(place, mainService(place)),
        describeService(place, populateService(place)),
      ])
      const state = main?.ready && populate?.ready ? 'ready' : 'incomplete'
      return [{ ...deploymentJson(place), bucket, state, main_url: main?.url ?? null }]
    }),
  )
  return found.flat()
}

/** Returns the regions of other deployments with the same name, which share the accounts and their roles. */
export async function otherRegions(place: DeploymentRef): Promise<string[]> {
  const buckets = await listBuckets(place.projectId, 'imagery-')
  const own = deploymentLabels(place)[DEPLOYMENT_LABEL]
  return buckets
    .filter(({ labels, location }) => labels[DEPLOYMENT_LABEL] === own && location !== place.region)
    .map(({ location }) => location)
}
