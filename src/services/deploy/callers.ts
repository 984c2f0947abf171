import { ImageryError } from '../../contracts/errors.ts'
import { invokerAccount, mainService, populateService } from '../../contracts/names.ts'
import type { Step } from '../../contracts/steps.ts'
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
import { SETTLE_MS, settled } from '../../google/transport/settle.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import type { DeployContext, DeployStep, PlannedChange } from './context.ts'

const INVOKER_ROLE = 'roles/run.invoker'

/** Everyone on the internet, and everyone with a Google account. imagery's services must answer neither. */
const PUBLIC = new Set(['allUsers', 'allAuthenticatedUsers'])

const isPublic = ({ member }: Membership): boolean => PUBLIC.has(member)

export const callers: DeployStep = {
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
        settleMs: context.isSettling ? SETTLE_MS : 0,
      })
    }
    context.isSettling = true
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

export const health: Step<DeployContext> = {
  title: 'Health check',
  async run(context, reporter) {
    const { place } = context.target
    for (const [name, url] of [
      [mainService(place), context.mainUrl],
      [populateService(place), context.populateUrl],
    ] as const) {
      reporter.detail(name)
      await settled(() => checkHealth(name, url!), {
        isTransient: ({ status }) => status === 'PERMISSION_DENIED' || status === 'NOT_FOUND',
        settleMs: context.isSettling ? SETTLE_MS : 0,
      }).catch((error: unknown) => {
        if (!(error instanceof CloudError) || error instanceof ServiceTokenError) throw error
        // Not the service's fault: the metadata server issued no token, or the local cloud has ended.
        const known = expectedFailure(error)
        if (known instanceof ImageryError && known.code === 'LOCAL_CLOUD_FAILED') throw known
        throw new ImageryError('DEPLOYMENT_FAILED', error.message, {
          suggestions: [`imagery doctor${context.target.flags}`],
          cause: error,
        })
      })
    }
    return { done: 'both services respond' }
  },
}

async function checkHealth(name: string, url: string): Promise<void> {
  const { status } = await callService(url, HEALTH_PATH, { method: 'GET', timeoutMs: 60_000 })
  if (status === 200) return
  throw new CloudError(
    status === 404 ? 'NOT_FOUND' : 'INTERNAL',
    `${name} does not respond at ${url}${HEALTH_PATH}: HTTP ${status}`,
  )
}
