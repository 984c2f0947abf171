import { maskPaths } from '../../kernel/field-mask.ts'
import { Hono, type Context } from 'hono'
import { NOTHING } from '../../kernel/needs.ts'
import { notEmulated } from '../../kernel/errors.ts'
import { pageOf, bodyMessage, readQuery, restError } from '../../kernel/rest-request.ts'
import { addImageRoutes } from './image-routes.ts'
import { REPOSITORY } from './messages.ts'
import { onProject, onRepository, repositoryOf } from './permissions.ts'
import { addPolicyRoutes } from './policy-routes.ts'
import { checkLocation, type RepositoryFields } from './repository-rules.ts'
import { PAGE_SIZES, refuseOrder, type RouteOptions } from './requests.ts'

/** Artifact Registry's REST API v1 (https://cloud.google.com/artifact-registry/docs/reference/rest). */
export function artifactRegistryRoutes(options: RouteOptions): Hono {
  const { repositories, store, operations, operation } = options
  const parentOf = (context: Context): string => {
    const { project = '', location = '' } = context.req.param() as Record<string, string>
    if (project !== options.projectId && project !== options.projectNumber) {
      throw restError(
        'PERMISSION_DENIED',
        `The caller does not have permission on project "${project}" (or it may not exist).`,
      )
    }
    checkLocation(location)
    return `projects/${options.projectId}/locations/${location}`
  }

  const app = new Hono()
  const base = '/v1/projects/:project/locations/:location/repositories'
  app.get(
    base,
    operation(
      'artifactregistry.repositories.list',
      (context) => {
        const parent = parentOf(context)
        const query = readQuery(context, ['pageSize', 'pageToken', 'filter', 'orderBy'])
        refuseOrder(query)
        const page = pageOf(store.repositories(parent), query, ({ name }) => name, PAGE_SIZES)
        return context.json({
          repositories: page.items.map((repository) => repositories.wire(repository)),
          nextPageToken: page.nextPageToken,
        })
      },
      { needs: onProject('repositories.list') },
    ),
  )
  app.post(
    base,
    operation(
      'artifactregistry.repositories.create',
      async (context) => {
        const parent = parentOf(context)
        const id = readQuery(context, ['repositoryId']).repositoryId?.[0] ?? ''
        const fields: RepositoryFields = await bodyMessage(context, REPOSITORY)
        return context.json(repositories.create(parent, id, fields, operations))
      },
      { needs: onProject('repositories.create') },
    ),
  )
  app.get(
    `${base}/:repository{[^:/]+}`,
    operation(
      'artifactregistry.repositories.get',
      (context) => {
        parentOf(context)
        readQuery(context, [])
        return context.json(repositories.wire(repositories.get(repositoryOf(context))))
      },
      { needs: onRepository('repositories.get') },
    ),
  )
  app.patch(
    `${base}/:repository{[^:/]+}`,
    operation(
      'artifactregistry.repositories.patch',
      async (context) => {
        parentOf(context)
        const mask = readQuery(context, ['updateMask']).updateMask?.[0] ?? ''
        const fields: RepositoryFields = await bodyMessage(context, REPOSITORY)
        return context.json(repositories.update(repositoryOf(context), fields, maskPaths(mask)))
      },
      { needs: onRepository('repositories.update') },
    ),
  )
  app.delete(
    `${base}/:repository{[^:/]+}`,
    operation(
      'artifactregistry.repositories.delete',
      (context) => {
        parentOf(context)
        readQuery(context, [])
        return context.json(repositories.delete(repositoryOf(context), operations))
      },
      { needs: onRepository('repositories.delete') },
    ),
  )
  addPolicyRoutes(app, base, options)
  addImageRoutes(app, `${base}/:repository`, options)
  app.all(
    '*',
    operation(
      'artifactregistry.unknown',
      (context) => {
        throw notEmulated(`Artifact Registry method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
