import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** What kind of Application Default Credentials a file holds (https://cloud.google.com/docs/authentication/application-default-credentials). */
export interface CredentialsFile {
  path: string
  /** `authorized_user`, `service_account`, `impersonated_service_account`, `external_account`, … */
  type: string
  /** The project of a service account's key. */
  projectId: string | undefined
}

/**
 * Where Application Default Credentials lie, in Google's order: the file that
 * GOOGLE_APPLICATION_CREDENTIALS names, whether it is there or not, else the one that gcloud has made
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

/** Reads what a credentials file says of itself; its secrets are not kept. @throws Error when it cannot be read as one */
export function readCredentialsFile(file: string): CredentialsFile {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const { type, project_id: projectId } = (content ?? {}) as { type?: unknown; project_id?: unknown }
  if (typeof type !== 'string') throw new Error('it has no "type", which every credentials file has')
  return { path: file, type, projectId: typeof projectId === 'string' && projectId ? projectId : undefined }
}
