import { Hono } from 'hono'
import type { HttpFace } from '../../kernel/api.ts'
import { statusResponse, type Operation } from '../../kernel/gateway.ts'
import { pageOf, readQuery } from '../../kernel/rest-request.ts'

/** https://cloud.google.com/run/docs/locations */
const REGIONS: readonly string[] = [
  'africa-south1',
  'asia-east1',
  'asia-east2',
  'asia-northeast1',
  'asia-northeast2',
  'asia-northeast3',
  'asia-south1',
  'asia-south2',
  'asia-southeast1',
  'asia-southeast2',
  'asia-southeast3',
  'australia-southeast1',
  'australia-southeast2',
  'europe-central2',
  'europe-north1',
  'europe-north2',
  'europe-southwest1',
  'europe-west1',
  'europe-west10',
  'europe-west12',
  'europe-west2',
  'europe-west3',
  'europe-west4',
  'europe-west6',
  'europe-west8',
  'europe-west9',
  'me-central1',
  'me-central2',
  'me-west1',
  'northamerica-northeast1',
  'northamerica-northeast2',
  'northamerica-south1',
  'southamerica-east1',
  'southamerica-west1',
  'us-central1',
  'us-east1',
  'us-east4',
  'us-east5',
  'us-south1',
  'us-west1',
  'us-west2',
  'us-west3',
  'us-west4',
]

/**
 * The regions of Cloud Run, as its Admin API v1 lists them
 * (https://cloud.google.com/run/docs/reference/rest/v1/projects.locations/list). Other APIs have a
 * method of the same path at hosts of their own; here it is Cloud Run's.
 */
export function locationsFace(operation: Operation): HttpFace {
  const app = new Hono()
  app.onError((error) => statusResponse(error))
  app.get(
    '/v1/projects/:project/locations',
    operation(
      'run.projects.locations.list',
      (context) => {
        const query = readQuery(context, ['filter', 'pageSize', 'pageToken'])
        const { items, nextPageToken } = pageOf(REGIONS, query, (region) => region, { standard: 100, most: 100 })
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
      {
        needs: (context) => [
          { permission: 'run.locations.list', resource: `projects/${context.req.param('project')}` },
        ],
      },
    ),
  )
  return { prefixes: [], patterns: [/^\/v1\/projects\/[^/]+\/locations$/], app }
}
