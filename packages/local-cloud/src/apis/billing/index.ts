import { Hono } from 'hono'
import type { EmulatedApi } from '../../kernel/api.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { readQuery, restError } from '../../kernel/rest-request.ts'
import { billingInfoNeeds } from './permissions.ts'

/** The account that pays for nothing here; three groups of six hex digits, as Google's are. */
const BILLING_ACCOUNT = 'billingAccounts/000000-000000-000000'

export interface BillingApiOptions {
  operation: Operation
  projectId: string
  projectNumber: string
  /** Whether somebody pays for the project. */
  hasBilling: () => boolean
}

/** Emulates what Cloud Billing says of a project (https://cloud.google.com/billing/docs/reference/rest/v1/projects). */
export function billingApi({ operation, projectId, projectNumber, hasBilling }: BillingApiOptions): EmulatedApi {
  const app = new Hono()
  app.get(
    '/v1/projects/:project/billingInfo',
    operation(
      'cloudbilling.projects.getBillingInfo',
      (context) => {
        readQuery(context, [])
        const project = context.req.param('project') ?? ''
        if (project !== projectId && project !== projectNumber) {
          throw restError('PERMISSION_DENIED', 'The caller does not have permission')
        }
        const about = { name: `projects/${projectId}/billingInfo`, projectId }
        return context.json(
          hasBilling()
            ? { ...about, billingAccountName: BILLING_ACCOUNT, billingEnabled: true }
            : { ...about, billingAccountName: '', billingEnabled: false },
        )
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
  return {
    name: 'cloudbilling',
    http: { prefixes: [], patterns: [/^\/v1\/projects\/[^/]+\/billingInfo$/], app },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}
