import type { Demand, Principal } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { anchorOf, lastPart } from './resources.ts'

/**
 * Returns the error for a missing permission, with the message and format of the API that the permission
 * belongs to. The machine-readable part is google.rpc.ErrorInfo (https://google.aip.dev/193#errorinfo),
 * except in BigQuery and Cloud Storage, which are older.
 */
export function permissionDenied({ email }: Principal, demand: Demand): GoogleError {
  const { permission, resource } = demand
  const api = demand.api ?? permission.slice(0, permission.indexOf('.'))
  if (api === 'storage') return storageDenied(email, demand)
  if (api === 'bigquery') {
    return new GoogleError('PERMISSION_DENIED', bigQueryMessage(demand), { reason: 'accessDenied' })
  }
  return new GoogleError('PERMISSION_DENIED', message(api, demand), { details: [errorInfo(api, permission, resource)] })
}

/** https://cloud.google.com/storage/docs/json_api/v1/status-codes#403-forbidden */
function storageDenied(email: string, { permission, resource }: Demand): GoogleError {
  const thing = resource.includes('/objects/') ? 'object' : resource.includes('/buckets/') ? 'bucket' : 'project'
  const product = thing === 'project' ? 'Google Cloud' : 'Google Cloud Storage'
  return new GoogleError(
    'PERMISSION_DENIED',
    `${email} does not have ${permission} access to the ${product} ${thing}. ` +
      `Permission '${permission}' denied on resource (or it may not exist).`,
    { reason: 'forbidden' },
  )
}

/** https://cloud.google.com/bigquery/docs/error-messages#accessDenied */
function bigQueryMessage({ permission, resource }: Demand): string {
  const [, project = '', dataset, table] =
    /^projects\/([^/]+)(?:\/datasets\/([^/]+)(?:\/tables\/([^/]+))?)?/.exec(resource) ?? []
  if (table !== undefined) {
    const name = `${project}:${dataset}.${table}`
    return `Access Denied: Table ${name}: Permission ${permission} denied on table ${name} (or it may not exist).`
  }
  if (dataset !== undefined) {
    const name = `${project}:${dataset}`
    return `Access Denied: Dataset ${name}: Permission ${permission} denied on dataset ${name} (or it may not exist).`
  }
  return `Access Denied: Project ${project}: User does not have ${permission} permission in project ${project}.`
}

function message(api: string, { permission, resource }: Demand): string {
  if (permission === 'iam.serviceAccounts.actAs' && api === 'iam') {
    // https://cloud.google.com/run/docs/troubleshooting#iam-service-account-permission
    return `Permission 'iam.serviceaccounts.actAs' denied on service account ${lastPart(anchorOf(resource).name)} (or it may not exist).`
  }
  switch (api) {
    case 'iam':
      return `Permission '${permission}' denied on resource (or it may not exist).`
    case 'cloudtasks':
      return `The principal (user or service account) lacks IAM permission "${permission}" for the resource "${resource}" (or the resource may not exist).`
    case 'pubsub':
      return 'User not authorized to perform this action.'
    case 'run':
      return `Permission '${permission}' denied on resource '${resource}' (or resource may not exist).`
    default:
      return `Permission '${permission}' denied on resource '//${host(api)}/${resource}' (or it may not exist).`
  }
}

function errorInfo(api: string, permission: string, resource: string): object {
  return {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'IAM_PERMISSION_DENIED',
    domain: host(api),
    metadata: { permission, resource },
  }
}

function host(api: string): string {
  return `${api === 'resourcemanager' ? 'cloudresourcemanager' : api}.googleapis.com`
}
