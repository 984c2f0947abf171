import { ImageryError } from '../../contracts/errors.ts'
import { accountOf, grantsTo, type DeploymentAccount, type Grant } from '../../contracts/grants.ts'
import { bucketName } from '../../contracts/names.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { accountPermissions, accountPolicy } from '../../google/admin/iam.ts'
import { projectPermissions, projectPolicy } from '../../google/admin/resource-manager.ts'
import { disabledServices } from '../../google/admin/service-usage.ts'
import { callerMember } from '../../google/auth/caller-member.ts'
import { missingMemberships, type Policy } from '../../google/rest/policy.ts'
import { bucketPolicy } from '../../google/storage/bucket.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { settled, SETTLE_MS } from '../../google/transport/settle.ts'
import { grantMeant } from '../failures/missing-role.ts'
import { isOff, type DeployContext, type DeployStep } from './context.ts'

/**
 * Repeats a step while it fails only because Google has not applied an earlier change everywhere: an enabled API, a new
 * account, a granted role. It does not matter which command made the change, or when: what counts is that Google shows it.
 * A role that no policy shows is never waited for.
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
  try {
    if (error.reason === 'SERVICE_DISABLED') return await arrivingService(context, error)
    if (isUnknownAccount(context, error)) return 'IAM does not know a new service account everywhere yet'
    if (isAgentArriving(error)) return "Cloud Run's service agent cannot read the image yet"
    if (isBuilderRefused(error) && (await areShown(context, grantsTo('builder'), memberOf(context, 'builder'))))
      return "IAM has not applied the builder's roles everywhere yet"
    if (error.status !== 'PERMISSION_DENIED' || NEVER_PASSING.test(error.message)) return undefined
    const isGranted = await isGrantedToDeployer(context, roles, error)
    return isGranted ? 'IAM has not applied a granted role everywhere yet' : undefined
  } catch (failure) {
    if (failure instanceof CloudError) return undefined
    throw failure
  }
}

/** Refusals that no role changes (https://cloud.google.com/vpc-service-controls/docs/troubleshooting). */
const NEVER_PASSING = /VPC Service Controls|organization policy|org policy/i

/** An API can refuse calls for minutes after Service Usage shows it as enabled. */
async function arrivingService(
  { target: { place } }: DeployContext,
  { service = '', consumer = `projects/${place.projectId}` }: CloudError,
): Promise<string | undefined> {
  const off = await disabledServices(consumer.slice('projects/'.length), [service])
  return off.length === 0 ? `${service} is enabled, but does not accept calls yet` : undefined
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

async function isGrantedToDeployer(
  context: DeployContext,
  roles: readonly string[],
  error: CloudError,
): Promise<boolean> {
  const { permission } = error
  const meant =
    permission === undefined
      ? undefined
      : grantMeant(error, permission, { place: context.target.place, to: 'deployer' })
  const candidates = meant ? [meant] : grantsTo('deployer').filter(({ role }) => roles.includes(role))
  // Texts do not always spell a permission as IAM does.
  const wanted = ({ permissions }: Grant): readonly string[] =>
    permission === undefined
      ? permissions
      : [permissions.find((each) => each.toLowerCase() === permission.toLowerCase()) ?? permission]
  return candidates.length > 0 && haveBeenGranted(context, candidates, wanted)
}

/** Whether the deployer has these roles: by IAM's own answer, or by the policies. */
export async function haveBeenGranted(
  context: DeployContext,
  grants: readonly Grant[],
  permissionsOf = ({ permissions }: Grant): readonly string[] => permissions,
): Promise<boolean> {
  const lacking: Grant[] = []
  for (const grant of grants) if (!(await isHeld(context, grant, permissionsOf(grant)))) lacking.push(grant)
  const member = await callerMember()
  return lacking.length === 0 || (member !== undefined && areShown(context, lacking, member))
}

/** Whether IAM itself says that the caller has permissions that another API does not accept yet. */
async function isHeld(context: DeployContext, { on }: Grant, permissions: readonly string[]): Promise<boolean> {
  const { projectId } = context.target.place
  if (isOff(context, 'cloudresourcemanager') || isOff(context, 'iam')) return false
  const had = on.startsWith('account ')
    ? await accountPermissions(projectId, emailOf(context, on), permissions)
    : await projectPermissions(projectId, permissions)
  return permissions.every((permission) => had.includes(permission))
}

/** Whether policies show every grant for a member. */
async function areShown(context: DeployContext, grants: readonly Grant[], member: string): Promise<boolean> {
  const policies = new Map<string, Promise<Policy>>()
  for (const { role, on } of grants) {
    const policy = policies.get(on) ?? policyOf(context, on)
    policies.set(on, policy)
    const isShown = (held: string, { bindings = [] }: Policy): boolean =>
      missingMemberships({ bindings }, [{ role: held, member }]).length === 0
    if (
      !isShown(role, await policy) &&
      !isShown('roles/owner', await projectPolicy(context.target.place.projectId).read())
    )
      return false
  }
  return true
}

function policyOf(context: DeployContext, on: Grant['on']): Promise<Policy> {
  const { place } = context.target
  if (on === 'bucket') return bucketPolicy(bucketName(place)).read()
  return (
    on.startsWith('account ') ? accountPolicy(place.projectId, emailOf(context, on)) : projectPolicy(place.projectId)
  ).read()
}

function emailOf({ target: { place } }: DeployContext, on: Grant['on']): string {
  return accountOf(place, on.slice('account '.length) as DeploymentAccount)
}

function memberOf({ target: { place } }: DeployContext, account: DeploymentAccount): string {
  return `serviceAccount:${accountOf(place, account)}`
}
