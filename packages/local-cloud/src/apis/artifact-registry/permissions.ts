import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'

/** The repository that a request's path names. */
export function repositoryOf(context: Context): string {
  const { project = '', location = '', repository = '' } = context.req.param() as Record<string, string>
  return `projects/${project}/locations/${location}/repositories/${repository.replace(/:[^:]*$/, '')}`
}

/** The need of a call on a project: https://cloud.google.com/artifact-registry/docs/access-control#permissions. */
export function onProject(permission: string): (context: Context) => readonly Demand[] {
  return (context) => [
    { permission: `artifactregistry.${permission}`, resource: `projects/${context.req.param('project')}` },
  ]
}

/** The need of a call on a repository, or on an image in it. */
export function onRepository(permission: string): (context: Context) => readonly Demand[] {
  return (context) => [{ permission: `artifactregistry.${permission}`, resource: repositoryOf(context) }]
}
