import { ImageryError } from '../../contracts/errors.ts'
import { INSTANCES_LABEL } from '../../contracts/labels.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { allowedInstances } from '../../google/cloud-run/instance-quota.ts'
import { deployService, type ServiceDescription, type ServiceSpec } from '../../google/cloud-run/services.ts'
import { CloudError, repeatably } from '../../google/transport/errors.ts'
import type { DeployContext } from './context.ts'
import { counted } from '../../contracts/count-text.ts'

/** Counts instances for people. */
export const instancesText = (count: number): string => counted(count, 'instance')

/** An earlier deploy found out how many instances the quota allows. More would be refused again. */
export function rememberQuota(context: DeployContext, id: string, { labels, service }: ServiceDescription): void {
  const count = service.template?.scaling?.maxInstanceCount
  if (labels[INSTANCES_LABEL] === 'quota' && count) context.allowedInstances[id] = count
}

/**
 * Deploys a service with as many instances as the project's quota allows, unless the user asked for a number. New projects have
 * room for few, and the room differs by region.
 *
 * @param spec the service, by what `allowedInstances` of the context says
 */
export async function deployWithinQuota(
  context: DeployContext,
  id: string,
  spec: () => ServiceSpec,
  reporter: StepReporter,
): Promise<Awaited<ReturnType<typeof deployService>>> {
  for (;;) {
    reporter.detail('waiting until it is ready')
    const wanted = spec()
    try {
      return await deploy(context, id, wanted)
    } catch (error) {
      const allowed = allowedInstances(error as Error)
      if (allowed === undefined) throw error
      const isOurs = wanted.labels[INSTANCES_LABEL] !== 'flag'
      const isEnough = allowed >= Math.max(1, wanted.minInstances) && allowed < wanted.maxInstances
      if (!isOurs || !isEnough) throw quotaFailure(context, id, wanted, allowed, error)
      context.allowedInstances[id] = allowed
      const text = `The project's Cloud Run quota in ${context.target.place.region} allows ${instancesText(allowed)} of ${id}, not ${wanted.maxInstances}`
      reporter.detail(text)
      context.warnings.push(`${text}; it was deployed with ${allowed}. A higher quota: ${QUOTAS}`)
    }
  }
}

const QUOTAS = 'https://cloud.google.com/run/quotas#increase'

function quotaFailure(
  { target: { place, flags } }: DeployContext,
  id: string,
  { cpu, memory, maxInstances, minInstances }: ServiceSpec,
  allowed: number,
  cause: unknown,
): ImageryError {
  const isMinimum = allowed > 0 && allowed < minInstances
  const count = isMinimum ? minInstances : maxInstances
  return new ImageryError(
    'DEPLOYMENT_FAILED',
    `The project's Cloud Run quota in ${place.region} allows ${instancesText(allowed)} of ${id} (${cpu} CPU and ${memory} each), not ${count}`,
    {
      suggestions: [
        ...(isMinimum ? [suggestedCommand(`deploy --min-instances ${allowed}`, flags)] : []),
        ...(!isMinimum && allowed > 0 ? [suggestedCommand(`deploy --max-instances ${allowed}`, flags)] : []),
        ...(allowed > 0 ? [] : ['imagery deploy --region REGION   (another region can have more quota)']),
        `${QUOTAS}   (how to get a higher quota)`,
      ],
      cause,
    },
  )
}

async function deploy(context: DeployContext, id: string, spec: ServiceSpec): ReturnType<typeof deployService> {
  try {
    // Repeatable: it looks at the service first. Cloud Run's client does not repeat calls that change something.
    return await repeatably(() => deployService(context.target.place, id, spec))
  } catch (error) {
    if (!(error instanceof CloudError) || error.retryable || error.status === 'PERMISSION_DENIED') throw error
    throw new ImageryError('DEPLOYMENT_FAILED', `${id} could not be deployed: ${error.message}`, { cause: error })
  }
}
