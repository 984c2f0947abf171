import type { Context, Hono } from 'hono'
import { GoogleError } from '../../kernel/errors.ts'
import { errorResponse } from '../../kernel/gateway.ts'
import { discoveryDocument } from './discovery.ts'

/** Where BigQuery's own host has its discovery document, and where Google's discovery service has it. */
export const DISCOVERY_PATHS = ['/$discovery/rest', '/discovery/v1/apis/bigquery/v2/rest']

/** Discovery documents are public: they need no token (https://developers.google.com/discovery/v1/using). */
export function discoveryRoutes(app: Hono): void {
  const [own = '', common = ''] = DISCOVERY_PATHS
  app.get(own, (context) => {
    const version = context.req.query('version') ?? 'v2'
    if (version === 'v2') return document(context)
    return errorResponse(new GoogleError('NOT_FOUND', `Discovery document not found for version ${version}`))
  })
  app.get(common, document)
}

function document(context: Context): Response {
  return context.json(discoveryDocument(new URL(context.req.url).origin))
}
