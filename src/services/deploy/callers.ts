import { ImageryError } from '../../contracts/errors.ts'
import { grantsTo } from '../../contracts/grants.ts'
import { invokerAccount, mainService, populateService } from '../../contracts/names.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import {
  changeMemberships,
  matchingMemberships,
  missingMemberships,
  type Membership,
} from '../../google/rest/policy.ts'
import { servicePolicy } from '../../google/cloud-run/services.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { haveBeenGranted } from '../failures/granted.ts'
import type { DeployContext, DeployStep, PlannedChange, WithMain, WithPopulate } from './context.ts'
import { withSettling } from './settling.ts'

const INVOKER_ROLE = 'roles/run.invoker'

/** Everyone on the internet, and everyone with a Google account. imagery's services must answer neither. */
const PUBLIC = new Set(['allUsers', 'allAuthenticatedUsers'])

const isPublic = ({ member }: Membership): boolean => PUBLIC.has(member)

export const callers: DeployStep<WithMain & WithPopulate> = {
  title: 'Access to the services',
  roles: ['roles/run.admin'],
  async inspect(context) {
    const { mainUrl, populateUrl } = context
    const [main = '', populate = ''] = serviceIds(context)
    const changes = await Promise.all([changesOf(context, main, mainUrl), changesOf(context, populate, populateUrl)])
    return changes.flat()
  },
  async apply(context) {
    const { place } = context.target
    for (const id of serviceIds(context)) {
      await changeMemberships(servicePolicy(place, id), {
        add: [invoker(context)],
        remove: isPublic,
      })
    }
    return { done: 'private: only imagery-invoker can call them' }
  },
}

function serviceIds({ target: { place } }: DeployContext): string[] {
  return [mainService(place), populateService(place)]
}

/** @param url the service's URL from an earlier step; undefined if there is no service */
async function changesOf(context: DeployContext, id: string, url: string | undefined): Promise<PlannedChange[]> {
  const { place } = context.target
  const policy = url === undefined ? {} : await servicePolicy(place, id).read()
  const wanted = invoker(context)
  const isMissing = missingMemberships(policy, [wanted]).length > 0
  const named = ({ member }: Membership): string =>
    `${INVOKER_ROLE} for ${member.slice(member.indexOf(':') + 1)} on ${id}`
  return [
    { action: isMissing ? 'grant' : 'keep', resource: named(wanted) },
    ...matchingMemberships(policy, isPublic).map((each) => ({ action: 'revoke', resource: named(each) }) as const),
  ]
}

const invoker = ({ target: { place } }: DeployContext): Membership => ({
  role: INVOKER_ROLE,
  member: `serviceAccount:${invokerAccount(place)}`,
})

/** Cloud Run reserves some paths that end in z, such as `/healthz` (https://cloud.google.com/run/docs/known-issues#ah). */
const HEALTH_PATH = '/health'

const HEALTH = 'Health check'

export const health: PipelineStep<DeployContext & WithMain & WithPopulate, object> = {
  title: HEALTH,
  async run(context, reporter) {
    const { place } = context.target
    for (const [id, url] of [
      [mainService(place), context.mainUrl],
      [populateService(place), context.populateUrl],
    ] as const) {
      reporter.detail(id)
      const reason = (error: CloudError): Promise<string | undefined> => passingReason(context, id, error)
      try {
        await withSettling(context, { title: HEALTH, roles: [] }, reporter, () => checkHealth(id, url), reason)
      } catch (error) {
        if (!isOutOfReach(context, error)) throw unhealthy(context, error)
        const { ingress } = context.options
        context.warnings.push(
          `The services cannot be reached from this machine, because their ingress is ${ingress}; commands that call them, such as imagery run, work only inside the network`,
        )
        return {
          done: `not reachable from here (ingress ${ingress}); Cloud Run reports both services ready`,
          adds: {},
        }
      }
    }
    return { done: 'both services respond', adds: {} }
  },
}

/**
 * Whether a service did not answer because its ingress setting keeps this machine out. Cloud Run's front end then answers
 * 404, and in some places 403 (https://cloud.google.com/run/docs/troubleshooting#404, ahmetb/runsd#40).
 */
function isOutOfReach({ options }: DeployContext, error: unknown): boolean {
  return (
    options.ingress !== 'all' && (error instanceof ServiceTokenError || (error as CloudError).status === 'NOT_FOUND')
  )
}

/** Returns why a service that does not answer will answer soon; undefined if it will not. */
async function passingReason(context: DeployContext, id: string, error: CloudError): Promise<string | undefined> {
  if (context.options.ingress !== 'all') return undefined
  if (error instanceof ServiceTokenError) {
    const policy = await servicePolicy(context.target.place, id).read()
    const isShown = missingMemberships(policy, [invoker(context)]).length === 0
    return isShown && (await haveBeenGranted(context.target.place, grantsTo('deployer', 'account invoker')))
      ? 'IAM has not applied the access to the services everywhere yet'
      : undefined
  }
  const isNew = ['created', 'updated'].includes(context.outcomes[id] ?? '')
  return error.status === 'NOT_FOUND' && isNew ? 'Cloud Run does not route requests to the service yet' : undefined
}

function unhealthy({ target }: DeployContext, error: unknown): unknown {
  if (!(error instanceof CloudError) || error instanceof ServiceTokenError) return error
  // Not the service's fault: the metadata server issued no token, or the local cloud has ended.
  const known = expectedFailure(error)
  if (known instanceof ImageryError && known.code === 'LOCAL_CLOUD_FAILED') return known
  return new ImageryError('DEPLOYMENT_FAILED', error.message, {
    suggestions: [`imagery doctor${target.flags}`],
    cause: error,
  })
}

async function checkHealth(name: string, url: string): Promise<void> {
  const { status } = await callService(url, HEALTH_PATH, { method: 'GET', timeoutMs: 60_000 })
  if (status === 200) return
  throw new CloudError(
    status === 404 ? 'NOT_FOUND' : 'INTERNAL',
    `${name} does not respond at ${url}${HEALTH_PATH}: HTTP ${status}`,
  )
}
