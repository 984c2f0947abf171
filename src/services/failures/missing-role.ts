import { ImageryError } from '../../contracts/errors.ts'
import {
  accountOf,
  grantOf,
  grantsTo,
  type DeploymentAccount,
  type Grant,
  type Grantee,
} from '../../contracts/grants.ts'
import { bucketName, mainService, type DeploymentRef } from '../../contracts/names.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { knownRefusal } from './known-refusal.ts'

/**
 * Returns the error for a refused call, with the missing role and the command that grants it. If the
 * response names no permission, the error names the roles of the step.
 */
export function missingRoleFailure(
  error: unknown,
  options: {
    place: DeploymentRef
    to: Grantee
    what: string
    roles: readonly string[]
    member?: string | undefined
    /** The source, `project.dataset.table`, if the call was about one. */
    table?: string | undefined
    /** What to try before granting roles by hand. */
    first?: readonly string[]
  },
): unknown {
  if (!(error instanceof CloudError)) return error
  const { place, to, what, roles } = options
  if (error.reason === 'SERVICE_DISABLED') {
    return new ImageryError('ACCESS_DENIED', `${what}: ${error.message}`, {
      suggestions: [enableCommand(error, place)],
      cause: error,
    })
  }
  const refusal = knownRefusal(error, place)
  if (refusal) return refusal
  if (error.status !== 'PERMISSION_DENIED') return error
  const named = error.permission === undefined ? undefined : grantMeant(error, error.permission, options)
  const lacking = named ? [named] : grantsTo(to).filter(({ role }) => roles.includes(role))
  if (lacking.length === 0) return error
  const rolesText = lacking.map(({ role, on }) => `${role} on ${resourceText(on, place)}`).join(' or ')
  return new ImageryError(
    'ACCESS_DENIED',
    `${what} was refused: ${error.message.replace(/\.$/, '')}. It requires ${rolesText}`,
    {
      suggestions: [
        ...(options.first ?? []),
        ...lacking.map((grant) => grantCommand(grant, place, options.member ?? 'user:EMAIL', options.table)),
        ...(lacking.some(({ on }) => on === 'source table') && options.table !== undefined
          ? [linkedGrantCommand(options.table, place, options.member ?? 'user:EMAIL')]
          : []),
      ],
      cause: error,
    },
  )
}

/** Returns the grant with a denied permission. It can be needed on several accounts; the response names the account. */
export function grantMeant(
  { message }: CloudError,
  permission: string,
  { place, to }: { place: DeploymentRef; to: Grantee },
): Grant | undefined {
  const onNamed = grantsTo(to).find(
    (grant) =>
      grant.on.startsWith('account ') && isWith(grant, permission) && message.includes(resourceText(grant.on, place)),
  )
  return onNamed ?? grantOf(to, permission)
}

function isWith({ permissions }: Grant, permission: string): boolean {
  return permissions.some((each) => each.toLowerCase() === permission.toLowerCase())
}

function resourceText(on: Grant['on'], place: DeploymentRef): string {
  if (on === 'project') return `project ${place.projectId}`
  if (on === 'bucket') return `gs://${bucketName(place)}`
  if (on.startsWith('account ')) return accountOf(place, on.slice('account '.length) as DeploymentAccount)
  return `the ${on}`
}

/**
 * Tables of a linked dataset have no access policy of their own: the role is granted on the dataset, in the project that
 * subscribed (https://cloud.google.com/bigquery/docs/analytics-hub-introduction#linked_datasets).
 */
function linkedGrantCommand(table: string, place: DeploymentRef, member: string): string {
  const dataset = table.slice(0, table.lastIndexOf('.'))
  const statement = `GRANT \`roles/bigquery.dataViewer\` ON SCHEMA \`${dataset}\` TO "${member}"`
  return `bq query --project_id=${place.projectId} --use_legacy_sql=false '${statement}'   (if it is a linked dataset)`
}

/**
 * Returns the command that enables the API of a refused call, in the project that the call counts against: with the
 * credentials of a person, that can be another one.
 */
export function enableCommand(
  { service = 'SERVICE', consumer }: Pick<CloudError, 'service' | 'consumer'>,
  { projectId }: DeploymentRef,
): string {
  return `gcloud services enable ${service} --project ${consumer?.replace(/^projects\//, '') ?? projectId}`
}

/** Returns the command that grants a role, to run or to send to an administrator. */
export function grantCommand(
  { role, on }: Pick<Grant, 'role' | 'on'>,
  place: DeploymentRef,
  member: string,
  table = 'PROJECT.DATASET.TABLE',
): string {
  const who = `--member ${member} --role ${role}`
  const { projectId } = place
  if (on === 'bucket') return `gcloud storage buckets add-iam-policy-binding gs://${bucketName(place)} ${who}`
  if (on.startsWith('account ')) {
    const email = accountOf(place, on.slice('account '.length) as DeploymentAccount)
    return `gcloud iam service-accounts add-iam-policy-binding ${email} --project ${projectId} ${who}`
  }
  if (on === 'services') {
    return `gcloud run services add-iam-policy-binding ${mainService(place)} --project ${projectId} --region ${place.region} ${who}`
  }
  if (on === 'results dataset' || on === 'source table') {
    const own = table.endsWith('*') ? `SCHEMA \`${table.slice(0, table.lastIndexOf('.'))}\`` : `TABLE \`${table}\``
    const what = on === 'source table' ? own : `SCHEMA \`${projectId}.DATASET\``
    return `bq query --project_id=${projectId} --use_legacy_sql=false 'GRANT \`${role}\` ON ${what} TO "${member}"'`
  }
  return `gcloud projects add-iam-policy-binding ${projectId} ${who}`
}
