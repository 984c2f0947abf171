import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'

/** `projects/P/serviceAccounts/EMAIL` of a request's serviceAccount, which may also be the bare address. */
export function accountResource(serviceAccount: string, projectId: string): string {
  return serviceAccount.startsWith('projects/')
    ? serviceAccount
    : `projects/${projectId}/serviceAccounts/${serviceAccount}`
}

/**
 * The needs of SubmitBuild: to build, and to act as the builder's account
 * (https://cloud.google.com/run/docs/configuring/services/build-service-account#required_roles).
 */
export function submitBuildNeeds(request: { parent: string; serviceAccount: string }): readonly Demand[] {
  const [, projectId = ''] = request.parent.split('/')
  const build = { permission: 'cloudbuild.builds.create', resource: `projects/${projectId}` }
  if (request.serviceAccount === '') return [build]
  return [
    build,
    { permission: 'iam.serviceAccounts.actAs', resource: accountResource(request.serviceAccount, projectId) },
  ]
}

/** What reading builds needs: https://cloud.google.com/build/docs/iam-roles-permissions. */
export function readNeeds(permission: 'get' | 'list'): (context: Context) => readonly Demand[] {
  return (context) => [
    { permission: `cloudbuild.builds.${permission}`, resource: `projects/${context.req.param('project')}` },
  ]
}

/** The need of reading a build's operation. */
export function operationNeeds(name: string): readonly Demand[] {
  return [{ permission: 'cloudbuild.builds.get', resource: name.split('/', 2).join('/') }]
}

/** The needs of the builder itself (roles/run.builder has them): to read the source, to log, to push the image. */
export const builderNeeds = {
  source: (bucket: string, object: string): Demand => ({
    permission: 'storage.objects.get',
    resource: `projects/_/buckets/${bucket}/objects/${object}`,
  }),
  log: (projectId: string): Demand => ({ permission: 'logging.logEntries.create', resource: `projects/${projectId}` }),
  push: (repository: string): Demand => ({
    permission: 'artifactregistry.repositories.uploadArtifacts',
    resource: repository,
  }),
}
