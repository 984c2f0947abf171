import { Hono } from 'hono'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { checkProject, readQuery } from '../../kernel/rest-request.ts'
import { billingInfo } from './billing-info.ts'
import { billingInfoNeeds } from './permissions.ts'

export interface RouteOptions {
  operation: Operation
  projectId: string
  projectNumber: string
  /** Whether billing is enabled for the project. */
  hasBilling: () => boolean
}

/** Cloud Billing's REST API v1 (https://cloud.google.com/billing/docs/reference/rest/v1/projects). */
export function billingRoutes(options: RouteOptions): Hono {
  const { operation, projectId, hasBilling } = options
  const app = new Hono()
  app.get(
    '/v1/projects/:project/billingInfo',
    operation(
      'cloudbilling.projects.getBillingInfo',
      (context) => {
        readQuery(context, [])
        checkProject(context, options)
        return context.json(billingInfo(projectId, hasBilling()))
      },
      { needs: billingInfoNeeds },
    ),
  )
  app.all(
    '*',
    operation(
      'cloudbilling.unknown',
      (context) => {
        throw notEmulated(`Cloud Billing method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
