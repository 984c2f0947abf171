import { maskPaths } from '../../kernel/field-mask.ts'
import { camelCase } from '../../kernel/field-names.ts'
import type { Context, Hono } from 'hono'
import type { Principal } from '../../kernel/api.ts'
import { GoogleError } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { existing, type AccountFields } from './accounts.ts'
import type { Authorizer } from './authorizer.ts'
import { checkTestedPermissions, policyResource } from './policy.ts'
import type { Policies } from './policies.ts'
import { jsonBody, optionalText, requiredText, textList, wantedPolicy } from './requests.ts'
import { accountKey, onAccount, onProject, type LocalProject } from './permissions.ts'
import type { AccountRow } from './store.ts'
import { decodePageToken, encodePageToken } from '../../kernel/page-token.ts'

export interface AccountServices extends LocalProject {
  policies: Policies
  authorizer: Authorizer
}

/** Google gives every service account this etag (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts#ServiceAccount: deprecated). */
const ETAG = 'MDEwMjE5MjA='

const ACCOUNTS = '/v1/projects/:project/serviceAccounts'

/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts */
export function serviceAccountRoutes(app: Hono, operation: Operation, services: AccountServices): void {
  const { accounts, policies, authorizer, projectId } = services
  const resource = (row: AccountRow): Response => Response.json(accountResource(row, projectId))
  const policyOf = (context: Context, permission: string): string =>
    policies.accountResource(projectId, accountKey(context), permission)

  app.post(
    ACCOUNTS,
    operation(
      'iam.serviceAccounts.create',
      async (context) => {
        const body = await jsonBody(context)
        const account = (body['serviceAccount'] ?? {}) as Record<string, unknown>
        return resource(accounts.createNew(requiredText(body, 'accountId'), fieldsOf(account)))
      },
      onProject('iam.serviceAccounts.create', services),
    ),
  )
  app.get(
    ACCOUNTS,
    operation(
      'iam.serviceAccounts.list',
      (context) => {
        const after = decodePageToken(context.req.query('pageToken') ?? '')
        if (after === undefined) throw new GoogleError('INVALID_ARGUMENT', 'Invalid page token.', { details: [] })
        const { rows, next } = accounts.list(Number(context.req.query('pageSize') ?? 0), after)
        return Response.json({
          ...(rows.length > 0 ? { accounts: rows.map((row) => accountResource(row, projectId)) } : {}),
          ...(next === undefined ? {} : { nextPageToken: encodePageToken(next) }),
        })
      },
      onProject('iam.serviceAccounts.list', services),
    ),
  )
  app.get(
    `${ACCOUNTS}/:account{[^/:]+}`,
    operation(
      'iam.serviceAccounts.get',
      (context) => resource(existing(accounts.found(accountKey(context), 'iam.serviceAccounts.get'))),
      onAccount('iam.serviceAccounts.get', services),
    ),
  )
  app.patch(
    `${ACCOUNTS}/:account{[^/:]+}`,
    operation(
      'iam.serviceAccounts.patch',
      async (context) => {
        const body = await jsonBody(context)
        const account = (body['serviceAccount'] ?? {}) as Record<string, unknown>
        return resource(accounts.change(accountKey(context), maskedFields(account, requiredText(body, 'updateMask'))))
      },
      onAccount('iam.serviceAccounts.update', services),
    ),
  )
  app.delete(
    `${ACCOUNTS}/:account{[^/:]+}`,
    operation(
      'iam.serviceAccounts.delete',
      async (context) => {
        await accounts.delete(accountKey(context))
        return Response.json({})
      },
      onAccount('iam.serviceAccounts.delete', services),
    ),
  )
  for (const [verb, isDisabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    app.post(
      `${ACCOUNTS}/:account{[^/:]+:${verb}}`,
      operation(
        `iam.serviceAccounts.${verb}`,
        (context) => {
          accounts.setDisabled(accountKey(context), isDisabled)
          return Response.json({})
        },
        onAccount(`iam.serviceAccounts.${verb}`, services),
      ),
    )
  }
  app.post(
    `${ACCOUNTS}/:account{[^/:]+:getIamPolicy}`,
    operation(
      'iam.serviceAccounts.getIamPolicy',
      (context) => Response.json(policyResource(policies.get(policyOf(context, 'iam.serviceAccounts.getIamPolicy')))),
      onAccount('iam.serviceAccounts.getIamPolicy', services),
    ),
  )
  app.post(
    `${ACCOUNTS}/:account{[^/:]+:setIamPolicy}`,
    operation(
      'iam.serviceAccounts.setIamPolicy',
      async (context) => {
        const body = await jsonBody(context)
        const resource = policyOf(context, 'iam.serviceAccounts.setIamPolicy')
        return Response.json(policyResource(policies.set(resource, wantedPolicy(body['policy']))))
      },
      onAccount('iam.serviceAccounts.setIamPolicy', services),
    ),
  )
  app.post(
    `${ACCOUNTS}/:account{[^/:]+:testIamPermissions}`,
    operation(
      'iam.serviceAccounts.testIamPermissions',
      async (context, principal) => {
        const permissions = textList(await jsonBody(context), 'permissions')
        return testPermissions(authorizer, principal, permissions, policyOf(context, 'iam.serviceAccounts.get'))
      },
      { needs: NOTHING },
    ),
  )
}

/** The requested permissions that a caller holds. */
export function testPermissions(
  authorizer: Authorizer,
  principal: Principal,
  permissions: readonly string[],
  resource: string,
): Response {
  checkTestedPermissions(permissions)
  const held = authorizer.held(principal, permissions, resource)
  return Response.json(held.length > 0 ? { permissions: held } : {})
}

function accountResource(row: AccountRow, projectId: string): object {
  const { email, uniqueId, displayName, description, isDisabled } = row
  return {
    name: `projects/${projectId}/serviceAccounts/${email}`,
    projectId,
    uniqueId,
    email,
    ...(displayName === '' ? {} : { displayName }),
    ...(description === '' ? {} : { description }),
    ...(isDisabled ? { disabled: true } : {}),
    etag: ETAG,
    oauth2ClientId: uniqueId,
  }
}

function fieldsOf(account: Record<string, unknown>): AccountFields {
  const displayName = optionalText(account, 'displayName')
  const description = optionalText(account, 'description')
  return {
    ...(displayName === undefined ? {} : { displayName }),
    ...(description === undefined ? {} : { description }),
  }
}

/** "Only the fields displayName and description can be changed." */
function maskedFields(account: Record<string, unknown>, mask: string): AccountFields {
  const fields: AccountFields = {}
  for (const path of maskPaths(mask)) {
    if (camelCase(path) === 'displayName') fields.displayName = optionalText(account, 'displayName') ?? ''
    else if (path === 'description') fields.description = optionalText(account, 'description') ?? ''
    else throw new GoogleError('INVALID_ARGUMENT', `Invalid path in the field mask: ${path}`, { details: [] })
  }
  return fields
}
