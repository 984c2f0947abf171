import { deploymentPrefix, type DeploymentRef } from './names.ts'

/** Marks a deployment's resources; the value is `imagery` followed by the deployment's name. */
export const DEPLOYMENT_LABEL = 'imagery-deployment'

/** Marks a results dataset that imagery created. */
export const RESULTS_LABEL = 'imagery-results'

export function deploymentLabels(place: Pick<DeploymentRef, 'name'>): Record<string, string> {
  return { [DEPLOYMENT_LABEL]: deploymentPrefix(place) }
}
