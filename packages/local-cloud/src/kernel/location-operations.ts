import { Hono } from 'hono'
import type { Demand, HttpFace } from './api.ts'
import { notEmulated } from './errors.ts'
import type { Operation } from './gateway.ts'
import { NOTHING } from './needs.ts'
import type { RestOperation } from './rest-operations.ts'
import { restError } from './rest-request.ts'

/**
 * One API's share of `/v1/projects/P/locations/L/operations`, a path that several APIs share; at Google, each has its
 * own host.
 */
export interface LocationOperations {
  /** The method name for the gateway, e.g. `cloudbuild.operations.get`. */
  method: string
  needs: (name: string) => readonly Demand[]
  /** Undefined when the operation belongs to another API or has expired. */
  get(name: string): RestOperation | undefined
}

/** Routes each operation to the API that started it. */
export function locationOperationsFace(sources: readonly LocationOperations[], operation: Operation): HttpFace {
  const handlers = sources.map(({ method, needs, get }) => {
    const handler = operation(method, (context) => context.json(get(context.req.path.slice('/v1/'.length))), {
      needs: (context) => needs(context.req.path.slice('/v1/'.length)),
    })
    return { get, handler }
  })
  const unknown = operation(
    'operations.get',
    () => {
      throw restError('NOT_FOUND', 'Requested entity was not found.')
    },
    { needs: NOTHING },
  )
  const app = new Hono()
  app.get('/v1/projects/:project/locations/:location/operations/:id', (context, next) => {
    const name = context.req.path.slice('/v1/'.length)
    const owner = handlers.find(({ get }) => get(name) !== undefined)
    return (owner?.handler ?? unknown)(context, next) as Response | Promise<Response>
  })
  app.all(
    '*',
    operation(
      'operations.unknown',
      (context) => {
        throw notEmulated(`operations method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return { prefixes: [], patterns: [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/operations(?:\/|$)/], app }
}
