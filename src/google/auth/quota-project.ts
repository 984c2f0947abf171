import type { CredentialsOrigin } from './credentials-origin.ts'

/** Google's libraries send its value as `x-goog-user-project`, with REST and gRPC calls alike. */
const VARIABLE = 'GOOGLE_CLOUD_QUOTA_PROJECT'

/** Credentials of people. Google counts their calls against the project of the tool that they signed in with, unless told otherwise. */
const OF_A_PERSON: ReadonlySet<string> = new Set(['authorized_user', 'external_account_authorized_user'])

/**
 * Has this process's calls count against the project that they work on. The quota project in a credentials file is
 * that of another day's work: its APIs can be off, and every call is then refused with SERVICE_DISABLED
 * (https://cloud.google.com/docs/quotas/set-quota-project). Accounts without a quota project use their own, as Google
 * does. Needs `roles/serviceusage.serviceUsageConsumer` on the project.
 *
 * Call it before the first client is created. The user's own variable wins.
 */
export function useQuotaProject(
  projectId: string,
  origin: CredentialsOrigin,
  environment: NodeJS.ProcessEnv = process.env,
): void {
  if (origin.kind !== 'file') return
  if (OF_A_PERSON.has(origin.type) || origin.quotaProjectId !== undefined) environment[VARIABLE] ||= projectId
}

/** The project that this process's calls name to count against; undefined if they name none. */
export function quotaProjectInUse(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment[VARIABLE] || undefined
}
