import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { readTextFile } from '../../contracts/text-file.ts'

/**
 * The universe whose addresses imagery uses (https://cloud.google.com/sdk/gcloud/reference/config, `universe_domain`).
 */
export const UNIVERSE = 'googleapis.com'

/**
 * The Application Default Credentials in a file
 * (https://cloud.google.com/docs/authentication/application-default-credentials).
 */
export interface CredentialsFile {
  path: string
  /** `authorized_user`, `service_account`, `impersonated_service_account`, `external_account`, … */
  type: string
  /** The project of a service account's key. */
  projectId: string | undefined
  /** The quota project of a person's calls. */
  quotaProjectId: string | undefined
  /** The service account of the key, or the one that it impersonates. */
  account: string | undefined
  /** Of a federated identity: `projects/NUMBER/locations/global/workloadIdentityPools/POOL`. */
  identityPool: string | undefined
  /** Google's own cloud, `googleapis.com`, or one that another operator runs. */
  universe: string
}

/**
 * Returns the path of the Application Default Credentials, in Google's order: the file in
 * GOOGLE_APPLICATION_CREDENTIALS, whether it exists or not, otherwise the file that gcloud created
 * (https://cloud.google.com/docs/authentication/application-default-credentials#order).
 */
export function credentialsPath(environment: NodeJS.ProcessEnv): string | undefined {
  const named = environment['GOOGLE_APPLICATION_CREDENTIALS']
  if (named) return named
  const configured =
    environment['CLOUDSDK_CONFIG'] ?? path.join(environment['HOME'] ?? os.homedir(), '.config', 'gcloud')
  const onWindows = environment['APPDATA'] === undefined ? [] : [path.join(environment['APPDATA'], 'gcloud')]
  return [configured, ...onWindows]
    .map((folder) => path.join(folder, 'application_default_credentials.json'))
    .find((file) => existsSync(file))
}

/** Reads a credentials file without its secrets. @throws Error when it cannot be read as one */
export function readCredentialsFile(file: string): CredentialsFile {
  const content = (JSON.parse(readTextFile(file)) ?? {}) as Record<string, unknown>
  const type = textOf(content['type'])
  if (type === undefined) throw new Error('it has no "type" field, which every credentials file needs')
  return {
    path: file,
    type,
    projectId: textOf(content['project_id']),
    quotaProjectId: textOf(content['quota_project_id']),
    account: textOf(content['client_email']) ?? impersonated(content['service_account_impersonation_url']),
    identityPool: /^\/\/iam\.googleapis\.com\/(.+Pools\/[^/]+)\/providers\//.exec(
      textOf(content['audience']) ?? '',
    )?.[1],
    universe: textOf(content['universe_domain']) ?? UNIVERSE,
  }
}

function impersonated(url: unknown): string | undefined {
  return /\/serviceAccounts\/([^/:]+):\w+$/.exec(textOf(url) ?? '')?.[1]
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
