import { deploymentPrefix, type DeploymentRef } from './names.ts'

/** Marks what belongs to a deployment; its value is the deployment's name with `imagery` before. */
export const DEPLOYMENT_LABEL = 'imagery-deployment'

/** Marks a dataset as one that imagery made for results. */
export const RESULTS_LABEL = 'imagery-results'

export function deploymentLabels(place: Pick<DeploymentRef, 'name'>): Record<string, string> {
  return { [DEPLOYMENT_LABEL]: deploymentPrefix(place) }
}
