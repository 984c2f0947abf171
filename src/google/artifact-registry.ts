import { callUnless } from './errors.ts'
import { callApi, finishOperation, type RestOperation } from './rest.ts'

const OPERATION_DEADLINE_MS = 5 * 60_000

/** @param name `projects/P/locations/L/repositories/R` */
export async function repositoryExists(name: string): Promise<boolean> {
  return callUnless(
    'NOT_FOUND',
    callApi('artifactregistry', `v1/${name}`).then(() => true),
    false,
  )
}

/** Makes a repository of container images unless it exists. */
export async function createRepository(
  name: string,
  options: { description: string; labels: Record<string, string> },
): Promise<void> {
  const [parent, repositoryId = ''] = name.split('/repositories/')
  const operation = await callUnless(
    'ALREADY_EXISTS',
    callApi<RestOperation>('artifactregistry', `v1/${parent}/repositories`, {
      query: { repositoryId },
      body: { format: 'DOCKER', ...options },
    }),
    undefined,
  )
  if (operation) await finish(operation)
}

/** Deletes a repository with all its images. */
export async function deleteRepository(name: string): Promise<'deleted' | 'absent'> {
  const operation = await callUnless(
    'NOT_FOUND',
    callApi<RestOperation>('artifactregistry', `v1/${name}`, { method: 'DELETE' }),
    undefined,
  )
  if (!operation) return 'absent'
  await finish(operation)
  return 'deleted'
}

async function finish(operation: RestOperation): Promise<void> {
  await finishOperation('artifactregistry', operation, { version: 'v1', deadlineMs: OPERATION_DEADLINE_MS })
}

/**
 * The digest (`sha256:…`) of the image that a tag names, or undefined when there is none.
 *
 * @param repository `projects/P/locations/L/repositories/R`
 */
export async function taggedImage(repository: string, image: string, tag: string): Promise<string | undefined> {
  const answer = await callUnless(
    'NOT_FOUND',
    callApi<{ version?: string }>('artifactregistry', `v1/${repository}/packages/${image}/tags/${tag}`),
    undefined,
  )
  return answer?.version?.slice(answer.version.lastIndexOf('/') + 1)
}

/** Where Docker finds an image of a repository. A domain's project `example.com:p` is written `example.com/p` there. */
export function imagePath(repository: string, image: string): string {
  const [, project = '', , location = '', , id = ''] = repository.split('/')
  return `${location}-docker.pkg.dev/${project.replace(':', '/')}/${id}/${image}`
}
