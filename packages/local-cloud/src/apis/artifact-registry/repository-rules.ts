import { notEmulated } from '../../kernel/errors.ts'
import { invalidArgument } from '../../kernel/rest-request.ts'

/** https://cloud.google.com/artifact-registry/docs/repositories/create-repos: lowercase letters, digits, hyphens; at most 63 characters. */
const REPOSITORY_ID = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Regions and the three multi-regions (https://cloud.google.com/artifact-registry/docs/repositories/repo-locations). */
const LOCATION = /^(us|europe|asia|[a-z]+-[a-z]+\d+)$/

/** https://cloud.google.com/artifact-registry/docs/repositories/label-repos */
const LABELS_MAX = 64
const LABEL_KEY = /^[a-z][-_a-z0-9]{0,62}$/
const LABEL_VALUE = /^[-_a-z0-9]{0,63}$/

/** https://cloud.google.com/artifact-registry/docs/repositories/cleanup-policy */
const CLEANUP_POLICIES_MAX = 10
const DURATION = /^\d+(\.\d{1,9})?s$/

export function checkRepositoryId(id: string): void {
  if (id === '') throw invalidArgument('repository_id is required')
  if (!REPOSITORY_ID.test(id)) {
    throw invalidArgument(
      `invalid repository ID "${id}": it must begin with a lowercase letter, end with a letter or number, consist of ` +
        'lowercase letters, numbers and hyphens, and be at most 63 characters long',
    )
  }
}

export function checkLocation(location: string): void {
  if (!LOCATION.test(location)) throw invalidArgument(`invalid location "${location}"`)
}

/** The fields of a repository that a caller can send, as read by REPOSITORY. */
export interface RepositoryFields {
  format?: string
  mode?: string
  description?: string
  labels?: Record<string, string>
  cleanupPolicies?: Record<string, CleanupPolicy>
  cleanupPolicyDryRun?: boolean
  dockerConfig?: { immutableTags?: boolean }
}

interface CleanupPolicy {
  id?: string
  action?: string
  condition?: { olderThan?: string; newerThan?: string }
  mostRecentVersions?: { keepCount?: number }
}

/** The kinds of repositories; only repositories of pushed images are emulated. */
export function checkKind({ format = 'FORMAT_UNSPECIFIED', mode = 'MODE_UNSPECIFIED' }: RepositoryFields): void {
  if (format === 'FORMAT_UNSPECIFIED') throw invalidArgument('repository.format is required')
  if (format !== 'DOCKER') throw notEmulated(`a repository of format ${format}`)
  if (mode !== 'MODE_UNSPECIFIED' && mode !== 'STANDARD_REPOSITORY') throw notEmulated(`a repository of mode ${mode}`)
}

export function checkSettings({ labels = {}, cleanupPolicies = {}, description = '' }: RepositoryFields): void {
  if (Object.keys(labels).length > LABELS_MAX) throw invalidArgument(`at most ${LABELS_MAX} labels are allowed`)
  for (const [key, value] of Object.entries(labels)) {
    if (!LABEL_KEY.test(key)) throw invalidArgument(`repository.labels: "${key}" is not a label key`)
    if (!LABEL_VALUE.test(value)) throw invalidArgument(`repository.labels: "${value}" is not a label value`)
  }
  if (Buffer.byteLength(description) > 1_024) throw invalidArgument('repository.description is longer than 1024 bytes')
  if (Object.keys(cleanupPolicies).length > CLEANUP_POLICIES_MAX) {
    throw invalidArgument(`at most ${CLEANUP_POLICIES_MAX} cleanup policies are allowed`)
  }
  for (const [key, policy] of Object.entries(cleanupPolicies)) checkCleanupPolicy(key, policy)
}

function checkCleanupPolicy(key: string, policy: CleanupPolicy): void {
  const { id = key, action, condition, mostRecentVersions } = policy
  if (id !== key) throw invalidArgument(`cleanup policy "${key}" has the id "${id}"`)
  if (action !== 'DELETE' && action !== 'KEEP') throw invalidArgument(`cleanup policy "${key}" needs an action`)
  if (mostRecentVersions && action !== 'KEEP') {
    throw invalidArgument(`cleanup policy "${key}": most_recent_versions is only allowed with the action KEEP`)
  }
  if (mostRecentVersions && !((mostRecentVersions.keepCount ?? 0) > 0)) {
    throw invalidArgument(`cleanup policy "${key}": keep_count must be greater than 0`)
  }
  for (const duration of [condition?.olderThan, condition?.newerThan]) {
    if (duration !== undefined && !DURATION.test(duration)) {
      throw invalidArgument(`cleanup policy "${key}": "${duration}" is not a duration in seconds, such as "2592000s"`)
    }
  }
}
