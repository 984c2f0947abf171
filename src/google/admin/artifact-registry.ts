import { callUnless } from '../transport/errors.ts'
import { callApi, finishOperation, type RestOperation } from '../rest/rest.ts'

const OPERATION_DEADLINE_MS = 5 * 60_000

/** How many images a repository keeps regardless of age, and the maximum age of all others. */
export interface Retention {
  newest: number
  days: number
}

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories#CleanupPolicy */
interface CleanupPolicy {
  id?: string
  action?: string
  condition?: { tagState?: string; olderThan?: string; [field: string]: unknown }
  mostRecentVersions?: { keepCount?: number; packageNamePrefixes?: string[] }
}

export interface Repository {
  name: string
  cleanupPolicies?: Record<string, CleanupPolicy>
}

/** @param name `projects/P/locations/L/repositories/R` */
export async function describeRepository(name: string): Promise<Repository | undefined> {
  return callUnless('NOT_FOUND', callApi<Repository>('artifactregistry', `v1/${name}`), undefined)
}

/** Creates a repository of container images unless it exists. */
export async function createRepository(
  name: string,
  options: { description: string; labels: Record<string, string>; retention: Retention },
): Promise<void> {
  const [parent, repositoryId = ''] = name.split('/repositories/')
  const { retention, ...texts } = options
  const operation = await callUnless(
    'ALREADY_EXISTS',
    callApi<RestOperation>('artifactregistry', `v1/${parent}/repositories`, {
      query: { repositoryId },
      body: { format: 'DOCKER', ...texts, cleanupPolicies: cleanupPolicies(retention) },
    }),
    undefined,
  )
  if (operation) await finish(operation, `creating ${name}`)
}

/**
 * Sets a repository's cleanup policies. Policies with other names stay, and so does `cleanupPolicyDryRun`,
 * because a user who set it wants nothing deleted yet.
 */
export async function retainImages({ name, cleanupPolicies: others }: Repository, retention: Retention): Promise<void> {
  await callApi('artifactregistry', `v1/${name}`, {
    method: 'PATCH',
    query: { updateMask: 'cleanupPolicies' },
    body: { cleanupPolicies: { ...others, ...cleanupPolicies(retention) } },
  })
}

/** Whether a repository has these cleanup policies. */
export function isRetaining({ cleanupPolicies: has = {} }: Repository, retention: Retention): boolean {
  return Object.entries(cleanupPolicies(retention)).every(
    ([id, policy]) => JSON.stringify(rule(has[id])) === JSON.stringify(rule(policy)),
  )
}

/** A keep policy wins over a delete policy (https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy-overview). */
function cleanupPolicies({ newest, days }: Retention): Record<string, CleanupPolicy> {
  return {
    'imagery-delete-old': {
      id: 'imagery-delete-old',
      action: 'DELETE',
      condition: { tagState: 'ANY', olderThan: `${days * 24 * 60 * 60}s` },
    },
    'imagery-keep-newest': {
      id: 'imagery-keep-newest',
      action: 'KEEP',
      mostRecentVersions: { keepCount: newest },
    },
  }
}

/** Normalizes a policy: an omitted tag state means any, and a duration can have a fraction. */
function rule(policy: CleanupPolicy | undefined): unknown {
  const { action, condition, mostRecentVersions } = policy ?? {}
  const { tagState = 'ANY', olderThan, ...narrower } = condition ?? {}
  return {
    action,
    condition: condition && { tagState, seconds: Number.parseFloat(olderThan ?? ''), narrower: set(narrower) },
    mostRecentVersions: mostRecentVersions && {
      count: mostRecentVersions.keepCount,
      narrower: mostRecentVersions.packageNamePrefixes ?? [],
    },
  }
}

/** Fields with a value; an empty list restricts nothing. */
function set(fields: Record<string, unknown>): unknown[] {
  return Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0)
}

/** Deletes a repository with all its images. */
export async function deleteRepository(name: string): Promise<'deleted' | 'absent'> {
  const operation = await callUnless(
    'NOT_FOUND',
    callApi<RestOperation>('artifactregistry', `v1/${name}`, { method: 'DELETE' }),
    undefined,
  )
  if (!operation) return 'absent'
  await finish(operation, `deleting ${name}`)
  return 'deleted'
}

async function finish(operation: RestOperation, what: string): Promise<void> {
  await finishOperation('artifactregistry', operation, { version: 'v1', deadlineMs: OPERATION_DEADLINE_MS, what })
}

/**
 * Returns the digest (`sha256:…`) of the image with a tag; undefined when there is none.
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

/**
 * Returns the Docker address of an image in a repository. A domain-scoped project `example.com:p` becomes
 * `example.com/p`.
 */
export function imagePath(repository: string, image: string): string {
  const [, project = '', , location = '', , id = ''] = repository.split('/')
  return `${location}-docker.pkg.dev/${project.replace(':', '/')}/${id}/${image}`
}
