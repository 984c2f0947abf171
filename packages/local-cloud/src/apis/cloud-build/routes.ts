import { Hono } from 'hono'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { pageOf, readQuery, restError } from '../../kernel/rest-request.ts'
import { buildFilter } from './build-filter.ts'
import { readNeeds } from './permissions.ts'
import { locationOf } from './resources.ts'
import type { BuildStore } from './store.ts'

/** https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds/list */
const PAGE_SIZES = { standard: 50, most: 1_000 }

/** Cloud Build's REST API v1: the methods that read builds. */
export function cloudBuildRoutes(store: Pick<BuildStore, 'builds' | 'build'>, operation: Operation): Hono {
  const app = new Hono()
  const base = '/v1/projects/:project/locations/:location/builds'
  app.get(
    base,
    operation(
      'cloudbuild.builds.list',
      (context) => {
        const query = readQuery(context, ['pageSize', 'pageToken', 'filter', 'projectId'])
        const matches = buildFilter(query.filter?.[0] ?? '')
        const builds = store.builds(context.req.param('location') ?? '')
        // Newest first: a page's key is the build's place in that order, which later builds do not change.
        const keyed = builds.map((build, index) => ({ build, key: String(1e9 - builds.length + index) }))
        const asked = keyed.filter(({ build }) => matches(build))
        const page = pageOf(asked, query, ({ key }) => key, PAGE_SIZES)
        return context.json({ builds: page.items.map(({ build }) => build), nextPageToken: page.nextPageToken })
      },
      { needs: readNeeds('list') },
    ),
  )
  app.get(
    `${base}/:build{[^:/]+}`,
    operation(
      'cloudbuild.builds.get',
      (context) => {
        readQuery(context, ['projectId', 'id'])
        const build = store.build(context.req.param('build') ?? '')
        if (!build || locationOf(build) !== context.req.param('location'))
          throw restError('NOT_FOUND', 'Requested entity was not found.')
        return context.json(build)
      },
      { needs: readNeeds('get') },
    ),
  )
  // Without a region, Cloud Build looks only in the region `global`, in which Cloud Run builds nothing.
  app.get(
    '/v1/projects/:project/builds/:build{[^:/]+}',
    operation(
      'cloudbuild.builds.get',
      () => {
        throw restError('NOT_FOUND', 'Requested entity was not found.')
      },
      { needs: readNeeds('get') },
    ),
  )
  app.get(
    '/v1/operations/build/:project/:operation',
    operation(
      'cloudbuild.operations.get',
      () => {
        throw restError('NOT_FOUND', 'Requested entity was not found.')
      },
      { needs: readNeeds('get') },
    ),
  )
  app.all(
    '*',
    operation(
      'cloudbuild.unknown',
      (context) => {
        throw notEmulated(`Cloud Build method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
