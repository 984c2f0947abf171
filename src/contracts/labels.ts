import { deploymentPrefix, type DeploymentRef } from './names.ts'

/** Marks a deployment's resources; the value is `imagery` followed by the deployment's name. */
export const DEPLOYMENT_LABEL = 'imagery-deployment'

/** On a deployment's bucket: the region in which Cloud Build builds its image, if that is not the deployment's own. */
export const BUILD_REGION_LABEL = 'imagery-build-region'

/** On a service: who decided on its maximum instances. `quota`: the project's quota allowed fewer than usual. */
export const INSTANCES_LABEL = 'imagery-max-instances'

/** On a run's ledger: the name of its profile, which is a valid value (https://cloud.google.com/bigquery/docs/labels-intro#requirements). */
export const PROFILE_LABEL = 'imagery-profile'

/** On a table of reviews: the ID of its run. The label of runs would make it a part of the run, which a teardown deletes. */
export const REVIEWS_LABEL = 'imagery-reviews'

/** Marks a results dataset that imagery created. */
export const RESULTS_LABEL = 'imagery-results'

export function deploymentLabels(place: Pick<DeploymentRef, 'name'>): Record<string, string> {
  return { [DEPLOYMENT_LABEL]: deploymentPrefix(place) }
}
