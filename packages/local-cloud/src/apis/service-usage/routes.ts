import { Hono, type Context } from 'hono'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { MessageType } from '../../kernel/proto-json.ts'
import type { RestOperations } from '../../kernel/rest-operations.ts'
import { pageOf, bodyMessage, readQuery, restError } from '../../kernel/rest-request.ts'
import { unknownProject } from './failures.ts'
import type { ServiceUsage } from './services.ts'
import { SERVICE_USAGE_NEEDS } from './permissions.ts'

const PACKAGE = 'google.api.serviceusage.v1'

const ENABLE_REQUEST: MessageType = { name: `${PACKAGE}.EnableServiceRequest`, fields: {} }

const BATCH_ENABLE_REQUEST: MessageType = {
  name: `${PACKAGE}.BatchEnableServicesRequest`,
  fields: { serviceIds: { type: 'string', kind: 'repeated' } },
}

const IDENTITY_REQUEST: MessageType = {
  name: 'google.api.serviceusage.v1beta1.GenerateServiceIdentityRequest',
  fields: {},
}

const DISABLE_REQUEST: MessageType = {
  name: `${PACKAGE}.DisableServiceRequest`,
  fields: {
    disableDependentServices: { type: 'bool' },
    checkIfServiceHasUsage: {
      type: {
        name: `${PACKAGE}.DisableServiceRequest.CheckIfServiceHasUsage`,
        values: ['CHECK_IF_SERVICE_HAS_USAGE_UNSPECIFIED', 'SKIP', 'CHECK'],
      },
    },
  },
}

/** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/list */
const PAGE_SIZES = { standard: 50, most: 200 }

export interface RouteOptions {
  usage: ServiceUsage
  operations: RestOperations
  operation: Operation
  projectId: string
  projectNumber: string
}

/** Service Usage's REST API v1, and service agents of v1beta1 (https://cloud.google.com/service-usage/docs/reference/rest). */
export function serviceUsageRoutes(options: RouteOptions): Hono {
  const { usage, operations, operation } = options
  const service = (context: Context): string => (context.req.param('service') ?? '').replace(/:[^:]*$/, '')
  const checked = (context: Context): string => {
    const project = context.req.param('project') ?? ''
    if (project !== options.projectId && project !== options.projectNumber) throw unknownProject(project)
    return `projects/${project}`
  }

  const app = new Hono()
  const services = '/v1/projects/:project/services'
  app.get(
    services,
    operation(
      'serviceusage.services.list',
      (context) => {
        checked(context)
        const query = readQuery(context, ['filter', 'pageSize', 'pageToken'])
        const page = pageOf(usage.list(query.filter?.[0] ?? ''), query, ({ name }) => name, PAGE_SIZES)
        return context.json({ services: page.items.map(({ wire }) => wire), nextPageToken: page.nextPageToken })
      },
      { needs: SERVICE_USAGE_NEEDS.list },
    ),
  )
  app.get(
    `${services}:batchGet`,
    operation(
      'serviceusage.services.batchGet',
      (context) => {
        const parent = checked(context)
        return context.json(usage.batchGet(readQuery(context, ['names']).names ?? [], parent))
      },
      { needs: SERVICE_USAGE_NEEDS.get },
    ),
  )
  app.post(
    `${services}:batchEnable`,
    operation(
      'serviceusage.services.batchEnable',
      async (context) => {
        checked(context)
        const { serviceIds = [] } = (await bodyMessage(context, BATCH_ENABLE_REQUEST)) as { serviceIds?: string[] }
        return context.json(usage.batchEnable(serviceIds, operations))
      },
      { needs: SERVICE_USAGE_NEEDS.enable },
    ),
  )
  app.get(
    `${services}/:service`,
    operation(
      'serviceusage.services.get',
      (context) => {
        checked(context)
        readQuery(context, [])
        return context.json(usage.get(service(context)))
      },
      { needs: SERVICE_USAGE_NEEDS.get },
    ),
  )
  app.post(
    `${services}/:service{[^/:]+:enable}`,
    operation(
      'serviceusage.services.enable',
      async (context) => {
        checked(context)
        await bodyMessage(context, ENABLE_REQUEST)
        return context.json(usage.enable(service(context), operations))
      },
      { needs: SERVICE_USAGE_NEEDS.enable },
    ),
  )
  app.post(
    `${services}/:service{[^/:]+:disable}`,
    operation(
      'serviceusage.services.disable',
      async (context) => {
        checked(context)
        await bodyMessage(context, DISABLE_REQUEST)
        return context.json(usage.disable(service(context), operations))
      },
      { needs: SERVICE_USAGE_NEEDS.disable },
    ),
  )
  app.post(
    '/v1beta1/projects/:project/services/:service{[^/:]+:generateServiceIdentity}',
    operation(
      'serviceusage.services.generateServiceIdentity',
      async (context) => {
        checked(context)
        await bodyMessage(context, IDENTITY_REQUEST)
        return context.json(usage.generateIdentity(service(context)))
      },
      { needs: SERVICE_USAGE_NEEDS.enable },
    ),
  )
  app.get(
    '/v1/operations/:id',
    operation(
      'serviceusage.operations.get',
      (context) => {
        const name = `operations/${context.req.param('id')}`
        const found = operations.get(name)
        if (!found) throw restError('NOT_FOUND', `Operation not found: ${name}`)
        return context.json(found)
      },
      { needs: () => [{ permission: 'serviceusage.operations.get', resource: `projects/${options.projectId}` }] },
    ),
  )
  app.all(
    '*',
    operation(
      'serviceusage.unknown',
      (context) => {
        throw notEmulated(`Service Usage method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
