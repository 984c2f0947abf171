import { Hono } from 'hono'
import type { HttpFace } from './api.ts'
import { statusResponse, type Operation } from './gateway.ts'
import { pageOf, readQuery } from './rest-request.ts'

/** One API's `projects.locations.list`. */
export interface LocationsMethod {
  /** The method's name for the gateway. */
  method: string
  /** The API's version, which is part of the path. */
  version: string
  permission: string
  regions: readonly string[]
}

/** Lists the regions of an API. APIs with the same path have hosts of their own; here each path is one API's. */
export function locationsFace(
  { method, version, permission, regions }: LocationsMethod,
  operation: Operation,
): HttpFace {
  const app = new Hono()
  app.onError((error) => statusResponse(error))
  app.get(
    `/${version}/projects/:project/locations`,
    operation(
      method,
      (context) => {
        const query = readQuery(context, ['filter', 'pageSize', 'pageToken'])
        const { items, nextPageToken } = pageOf(regions, query, (region) => region, { standard: 100, most: 100 })
        const project = context.req.param('project')
        return context.json({
          locations: items.map((region) => ({
            name: `projects/${project}/locations/${region}`,
            locationId: region,
            labels: { 'cloud.googleapis.com/region': region },
          })),
          ...(nextPageToken === undefined ? {} : { nextPageToken }),
        })
      },
      { needs: (context) => [{ permission, resource: `projects/${context.req.param('project')}` }] },
    ),
  )
  return { prefixes: [], patterns: [new RegExp(`^/${version}/projects/[^/]+/locations$`)], app }
}
