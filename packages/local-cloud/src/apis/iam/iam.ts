import path from 'node:path'
import type { TokenHolder } from '../identity/access-tokens.ts'
import type { EmulatedApi, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { ProjectConditions } from '../../kernel/project-conditions.ts'
import { AccountKeys } from './account-keys.ts'
import { Accounts } from './accounts.ts'
import { Authorizer } from './authorizer.ts'
import { FreshGrants } from './fresh-grants.ts'
import { IdentityProviders } from './identity-providers.ts'
import { Policies } from './policies.ts'
import { ServiceAgents } from './service-agents.ts'
import { IamStore } from './store.ts'
import type { TokenIssuer } from './credential-routes.ts'
import { iamRoutes } from './routes.ts'

export interface IamOptions {
  /** Directory of accounts and policies, e.g. `<dataDir>/iam`. */
  directory: string
  clock: Clock
  projectId: string
  projectNumber: string
  conditions: ProjectConditions
  tokens: TokenIssuer & { authenticate(authorization: string | undefined): TokenHolder }
}

/** The managed constraint and the one that it replaces (https://cloud.google.com/resource-manager/docs/organization-policy/restricting-service-accounts). */
const CREATION_CONSTRAINTS = ['iam.managed.disableServiceAccountCreation', 'iam.disableServiceAccountCreation']

function isEnforced({ current }: ProjectConditions, constraint: string): boolean {
  const rule = current.organizationPolicies[constraint]
  return rule !== undefined && 'enforce' in rule && rule.enforce
}

/** Owns the local project. */
const OPERATOR_ID = 'operator'

/**
 * The service accounts and policies of the local cloud. Opened before the APIs, because all of them use it. The project
 * of a new local cloud belongs to its operator (`roles/owner`), like a new Google project belongs to its creator.
 */
export class Iam {
  readonly accounts: Accounts
  readonly keys: AccountKeys
  /** Google's own accounts of the local project. */
  readonly agents: ServiceAgents
  /** The identity providers that the local project trusts. */
  readonly providers: IdentityProviders
  /** The default account of the command line. */
  readonly operator: string
  readonly authorizer: Authorizer
  readonly #options: IamOptions
  readonly #store: IamStore
  readonly #policies: Policies

  constructor(options: IamOptions) {
    const { clock, conditions, projectId, projectNumber, tokens } = options
    const store = new IamStore(path.join(options.directory, 'iam.sqlite'))
    this.#options = options
    this.#store = store
    this.accounts = new Accounts({
      store,
      clock,
      projectId,
      settlingMs: () => conditions.current.accountsMs,
      creationConstraint: () => CREATION_CONSTRAINTS.find((name) => isEnforced(conditions, name)),
      changed: () => this.authorizer.policiesChanged(),
      deleted: ({ email, uniqueId }) => {
        tokens.forget(email)
        return this.authorizer.renameMember(
          `serviceAccount:${email}`,
          `deleted:serviceAccount:${email}?uid=${uniqueId}`,
        )
      },
    })
    this.agents = new ServiceAgents({ store, clock, projectNumber })
    const { accounts, agents } = this
    this.authorizer = new Authorizer({
      projectId,
      projectNumber,
      accountFault: (email) => accounts.fault(email) ?? agents.fault(email),
      freshGrants: new FreshGrants(clock, () => conditions.current.grantsMs),
    })
    this.keys = new AccountKeys({ store, accounts, clock })
    this.#policies = new Policies({ store, accounts, authorizer: this.authorizer })
    this.providers = new IdentityProviders({ store, projectNumber })
    this.operator = accounts.emailOf(OPERATOR_ID)
    if (!store.policy(`projects/${projectId}`) && !accounts.find(this.operator)) {
      accounts.create(OPERATOR_ID, { displayName: 'Operator of the local cloud' })
    }
    this.addProject(projectId)
  }

  /** Adds a project for the operator, to share data with; it has no accounts of its own. */
  addProject(projectId: string): void {
    if (this.#store.policy(`projects/${projectId}`)) return
    const bindings = [{ role: 'roles/owner', members: [`serviceAccount:${this.operator}`] }]
    this.#policies.set(`projects/${projectId}`, { etag: '', bindings })
  }

  /**
   * Returns the caller from an Authorization header: an access token, or a JWT signed with an account's key. Throws
   * UNAUTHENTICATED.
   */
  authenticate(authorization: string | undefined): Principal {
    const selfSigned = /^Bearer +(eyJ[^\s.]*\.[^\s.]+\.[^\s.]+)$/i.exec(authorization ?? '')?.[1]
    return selfSigned === undefined
      ? this.accounts.admitted(this.#options.tokens.authenticate(authorization))
      : this.keys.authenticate(selfSigned)
  }

  /** Its REST APIs, once there is a gateway. */
  api(operation: Operation): EmulatedApi {
    const { accounts, keys, authorizer } = this
    const createdMs = accounts.find(this.operator)?.createdMs ?? 0
    return {
      name: 'iam',
      http: {
        prefixes: ['/v3/projects'],
        patterns: [
          /^\/v1\/projects\/[^/]+(?::[a-zA-Z]+)?$/,
          /^\/v1\/projects\/[^/]+\/(?:serviceAccounts|roles)(?:\/|$)/,
        ],
        app: iamRoutes(operation, {
          ...this.#options,
          accounts,
          keys,
          authorizer,
          policies: this.#policies,
          createdMs,
        }),
      },
      start: async () => undefined,
      stop: async () => this.#store.close(),
      describe: async () => this.#store.counts(),
    }
  }
}
