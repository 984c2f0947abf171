import { existsSync } from 'node:fs'
import { credentialsPath, readCredentialsFile, UNIVERSE, type CredentialsFile } from './credentials-file.ts'
import { localCloud } from '../transport/environment.ts'
import { metadataServer, metadataValue } from './metadata-server.ts'

/** The origin of this process's credentials. */
export type CredentialsOrigin =
  | { kind: 'local cloud'; projectId: string }
  | ({ kind: 'file' } & CredentialsFile)
  | { kind: 'metadata server'; address: string }
  /** `problem`: what is wrong with the credentials file. */
  | { kind: 'none'; problem?: string }

/**
 * Finds the Application Default Credentials without using them
 * (https://cloud.google.com/docs/authentication/application-default-credentials#order). Looks for a
 * metadata server, which can take a second or two, only if there is no file.
 */
export async function findCredentials(environment: NodeJS.ProcessEnv = process.env): Promise<CredentialsOrigin> {
  const local = localCloud()
  if (local) return { kind: 'local cloud', projectId: local.projectId }
  const file = credentialsPath(environment)
  if (file !== undefined) {
    if (!existsSync(file))
      return { kind: 'none', problem: `GOOGLE_APPLICATION_CREDENTIALS names ${file}, which does not exist` }
    try {
      const found = readCredentialsFile(file)
      // Its tokens must not be sent to Google's addresses.
      if (found.universe !== UNIVERSE)
        throw new Error(`it belongs to the universe ${found.universe}, but imagery works only with ${UNIVERSE}`)
      return { kind: 'file', ...found }
    } catch (error) {
      return { kind: 'none', problem: `the credentials file ${file} cannot be used: ${(error as Error).message}` }
    }
  }
  const address = await metadataServer(environment)
  return address === undefined ? { kind: 'none' } : { kind: 'metadata server', address }
}

/** The project of the credentials, and its source. */
export async function credentialsProject(): Promise<{ projectId: string; from: string } | undefined> {
  const origin = await findCredentials()
  switch (origin.kind) {
    case 'local cloud':
      return { projectId: origin.projectId, from: 'the local cloud' }
    case 'file':
      return origin.projectId === undefined ? undefined : { projectId: origin.projectId, from: origin.path }
    case 'metadata server':
      return { projectId: await metadataValue(origin.address, 'project/project-id'), from: 'the metadata server' }
    case 'none':
      return undefined
  }
}
