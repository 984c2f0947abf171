import { ImageryError } from '../../contracts/errors.ts'
import { accountOf, grantsTo } from '../../contracts/grants.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { isBillingEnabled } from '../../google/admin/billing.ts'
import { disabledServices } from '../../google/admin/service-usage.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { settled, SETTLE_MS } from '../../google/transport/settle.ts'
import { areShown, isRefusedDespiteGrant } from '../failures/granted.ts'
import { isBillingRefusal } from '../failures/known-refusal.ts'
import type { DeployContext, DeployStep } from './context.ts'

/**
 * Repeats a step while it fails only because Google has not applied an earlier change everywhere: an enabled API, a new
 * account, a granted role, new billing. It does not matter which command made the change, or when: what counts is that
 * Google shows it. It never waits for a role that no policy shows, or for what no change of ours can lift, such as an
 * organization policy.
 *
 * @param reason why a failure will pass by itself, for people; undefined if it will not
 */
export async function withSettling<Result>(
  context: DeployContext,
  step: Pick<DeployStep, 'title' | 'roles'>,
  reporter: StepReporter,
  work: () => Promise<Result>,
  reason = (error: CloudError): Promise<string | undefined> => passingReason(context, step, error),
): Promise<Result> {
  let why: string | undefined
  let failure: unknown
  try {
    return await settled(
      async () => {
        try {
          return await work()
        } catch (error) {
          failure = error
          throw underlying(error) ?? error
        }
      },
      {
        isTransient: async (error) => (why = await reason(error)) !== undefined,
        settleMs: SETTLE_MS,
        waiting: (waitedMs) => reporter.detail(`${why}; waiting for ${durationText(waitedMs)}, at most 10 min`),
        signal: context.signal,
      },
    )
  } catch (error) {
    if (why === undefined || !(error instanceof CloudError)) throw underlying(failure) === error ? failure : error
    throw new ImageryError(
      'DEPLOYMENT_FAILED',
      `${step.title}: ${why}, also after ${durationText(SETTLE_MS)}: ${error.message}`,
      { suggestions: [`imagery deploy${context.target.flags}   (continues where this one stopped)`], cause: error },
    )
  }
}

/** Steps report some of Google's failures as their own. */
function underlying(error: unknown): CloudError | undefined {
  if (error instanceof CloudError) return error
  return error instanceof ImageryError && error.cause instanceof CloudError ? error.cause : undefined
}

export function durationText(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1_000)
  const minutes = Math.floor(seconds / 60)
  return [
    ...(minutes > 0 ? [`${minutes} min`] : []),
    ...(seconds % 60 > 0 || minutes === 0 ? [`${seconds % 60} s`] : []),
  ].join(' ')
}

/** Returns why a failure will pass by itself; undefined if it will not, or if Google does not let this account find out. */
async function passingReason(
  context: DeployContext,
  { roles }: Pick<DeployStep, 'roles'>,
  error: CloudError,
): Promise<string | undefined> {
  const { place } = context.target
  try {
    if (error.reason === 'SERVICE_DISABLED') return await arrivingService(context, error)
    if (isBillingRefusal(error)) return await arrivingBilling(context)
    if (isUnknownAccount(context, error)) return 'IAM does not know a new service account everywhere yet'
    if (isAgentArriving(error)) return "Cloud Run's service agent cannot read the image yet"
    const builder = `serviceAccount:${accountOf(place, 'builder')}`
    if (isBuilderRefused(error) && (await areShown(place, grantsTo('builder'), builder)))
      return "IAM has not applied the builder's roles everywhere yet"
    const isGranted = await isRefusedDespiteGrant(place, error, { to: 'deployer', roles })
    return isGranted ? 'IAM has not applied a granted role everywhere yet' : undefined
  } catch (failure) {
    if (failure instanceof CloudError) return undefined
    throw failure
  }
}

/** An API can refuse calls for minutes after Service Usage shows it as enabled. */
async function arrivingService(
  { target: { place } }: DeployContext,
  { service = '', consumer = `projects/${place.projectId}` }: CloudError,
): Promise<string | undefined> {
  const off = await disabledServices(consumer.slice('projects/'.length), [service])
  return off.length === 0 ? `${service} is enabled, but does not accept calls yet` : undefined
}

/**
 * "If you enabled billing for this project recently, wait a few minutes"
 * (https://cloud.google.com/apis/docs/troubleshooting, BILLING_DISABLED).
 */
async function arrivingBilling({ target: { place } }: DeployContext): Promise<string | undefined> {
  const isShown = await isBillingEnabled(place.projectId)
  return isShown ? 'billing is enabled, but Google Cloud has not applied it everywhere yet' : undefined
}

/** One of the deployment's accounts, which exist by the time that something names them. */
function isUnknownAccount({ target: { place } }: DeployContext, { status, message }: CloudError): boolean {
  if (status !== 'NOT_FOUND' && status !== 'INVALID_ARGUMENT') return false
  if (/unknown service account/i.test(message)) return true
  const accounts = (['runtime', 'invoker', 'builder'] as const).map((account) => accountOf(place, account))
  return /does not exist/i.test(message) && accounts.some((email) => message.includes(email))
}

/** https://cloud.google.com/run/docs/troubleshooting#image-pull-error: the agent of a new project gets its access late. */
function isAgentArriving({ message }: CloudError): boolean {
  return /permissions might take a few minutes to propagate/.test(message) && !/Note that/.test(message)
}

/** Cloud Build cannot read the archive, or the build cannot push the image. */
function isBuilderRefused({ message }: CloudError): boolean {
  return /could not resolve source: .*\b403\b|artifactregistry\.repositories\.uploadArtifacts" denied/s.test(message)
}
