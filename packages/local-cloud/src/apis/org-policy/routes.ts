import { Hono } from 'hono'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { ProjectConditions } from '../../kernel/project-conditions.ts'
import { checkProject, readQuery } from '../../kernel/rest-request.ts'
import { constraintPolicy } from './constraints.ts'
import { effectivePolicyNeeds } from './permissions.ts'

const POLICIES = '/v2/projects/:project/policies'

export interface RouteOptions {
  operation: Operation
  conditions: ProjectConditions
  projectId: string
  projectNumber: string
}

/** Organization Policy's REST API v2 (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest). */
export function orgPolicyRoutes(options: RouteOptions): Hono {
  const { operation } = options
  const app = new Hono()
  app.get(
    `${POLICIES}/:constraint{[^/:]+:getEffectivePolicy}`,
    operation(
      'orgpolicy.projects.policies.getEffectivePolicy',
      (context) => {
        readQuery(context, [])
        checkProject(context, options)
        const constraint = context.req.param('constraint')!.replace(/:[a-zA-Z]+$/, '')
        return context.json(constraintPolicy(constraint, options))
      },
      { needs: effectivePolicyNeeds },
    ),
  )
  app.all(
    '*',
    operation(
      'orgpolicy.unknown',
      (context) => {
        throw notEmulated(`Organization Policy method ${context.req.method} ${context.req.path}`)
      },
      { needs: NOTHING },
    ),
  )
  return app
}
