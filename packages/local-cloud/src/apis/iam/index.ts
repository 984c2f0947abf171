import path from 'node:path'
import { Hono } from 'hono'
import type { TokenHolder } from '../identity/access-tokens.ts'
import type { EmulatedApi, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { AccountKeys } from './account-keys.ts'
import { Accounts } from './accounts.ts'
import { Authorizer } from './authorizer.ts'
import { credentialRoutes, type TokenIssuer } from './credential-routes.ts'
import { IdentityProviders } from './identity-providers.ts'
import { keyRoutes } from './key-routes.ts'
import { Policies } from './policies.ts'
import { projectRoutes } from './project-routes.ts'
import { refusedRoutes, serviceAccountRoutes } from './service-account-routes.ts'
import { openIamStore } from './store.ts'

export { Authorizer } from './authorizer.ts'
export type { PolicySource } from './authorizer.ts'

export interface IamOptions {
  /** Directory of accounts and policies, e.g. `<dataDir>/iam`. */
  directory: string
  clock: Clock
  projectId: string
  projectNumber: string
  tokens: TokenIssuer & { authenticate(authorization: string | undefined): TokenHolder }
}

/** The permissions in the local cloud. Opened before the APIs, because all of them use it. */
export interface Iam {
  accounts: Accounts
  keys: AccountKeys
  /** The identity providers that the local project trusts. */
  providers: IdentityProviders
  /**
   * Returns the caller from an Authorization header: an access token, or a JWT signed with an account's key. Throws
   * UNAUTHENTICATED.
   */
  authenticate(authorization: string | undefined): Principal
  /** The default account of the command line. */
  operator: string
  authorizer: Authorizer
  /** Adds a project for the operator, to share data with; it has no accounts of its own. */
  addProject(projectId: string): void
  /** Its REST APIs, once there is a gateway. */
  api(operation: Operation): EmulatedApi
}

/** Owns the local project. */
const OPERATOR_ID = 'operator'

/**
 * Opens IAM's state: service accounts and policies. The project of a new local cloud belongs to its
 * operator (`roles/owner`), like a new Google project belongs to its creator.
 */
export function openIam(options: IamOptions): Iam {
  const { clock, projectId, projectNumber, tokens } = options
  const store = openIamStore(path.join(options.directory, 'iam.sqlite'))
  const accounts: Accounts = new Accounts({
    store,
    clock,
    projectId,
    changed: () => authorizer.policiesChanged(),
    deleted: ({ email, uniqueId }) => {
      tokens.forget(email)
      return authorizer.renameMember(`serviceAccount:${email}`, `deleted:serviceAccount:${email}?uid=${uniqueId}`)
    },
  })
  const authorizer = new Authorizer({ projectId, projectNumber, accountFault: (email) => accounts.fault(email) })
  const keys = new AccountKeys({ store, accounts, clock })
  const policies = new Policies({ store, accounts, authorizer })

  const operator = accounts.emailOf(OPERATOR_ID)
  const addProject = (id: string): void => {
    if (store.policy(`projects/${id}`)) return
    const bindings = [{ role: 'roles/owner', members: [`serviceAccount:${operator}`] }]
    policies.set(`projects/${id}`, { etag: '', bindings })
  }
  if (!store.policy(`projects/${projectId}`) && !accounts.find(operator)) {
    accounts.create(OPERATOR_ID, { displayName: 'Operator of the local cloud' })
  }
  addProject(projectId)
  const createdMs = accounts.find(operator)?.createdMs ?? 0

  return {
    accounts,
    keys,
    providers: new IdentityProviders({ store, projectNumber }),
    authenticate: (authorization) => {
      const selfSigned = /^Bearer +(eyJ[^\s.]*\.[^\s.]+\.[^\s.]+)$/i.exec(authorization ?? '')?.[1]
      return selfSigned === undefined
        ? accounts.admitted(tokens.authenticate(authorization))
        : keys.authenticate(selfSigned)
    },
    operator,
    authorizer,
    addProject,
    api: (operation) => {
      const app = new Hono()
      const services = { accounts, policies, authorizer, projectId, projectNumber }
      credentialRoutes(app, operation, { ...services, tokens, clock })
      keyRoutes(app, operation, { ...services, keys })
      serviceAccountRoutes(app, operation, services)
      projectRoutes(app, operation, { ...services, createdMs })
      refusedRoutes(app, operation)
      return {
        name: 'iam',
        http: {
          prefixes: ['/v3/projects'],
          patterns: [
            /^\/v1\/projects\/[^/]+(?::[a-zA-Z]+)?$/,
            /^\/v1\/projects\/[^/]+\/(?:serviceAccounts|roles)(?:\/|$)/,
          ],
          app,
        },
        start: async () => undefined,
        stop: async () => store.close(),
        describe: async () => store.counts(),
      }
    },
  }
}
