import { GoogleError } from '../../kernel/errors.ts'
import type { Accounts } from './accounts.ts'
import type { Authorizer } from './authorizer.ts'
import {
  EMPTY_POLICY,
  replacedPolicy,
  withMemberRenamed,
  type PolicyRules,
  type StoredPolicy,
  type WantedPolicy,
} from './policy.ts'
import type { AnchorKind } from './resources.ts'
import { lastPart } from './resources.ts'
import type { IamStore } from './store.ts'

/** The policies that IAM stores itself: the project's, and those of its service accounts. */
export class Policies {
  readonly #store: IamStore
  readonly #accounts: Accounts
  readonly #authorizer: Authorizer

  constructor(options: { store: IamStore; accounts: Accounts; authorizer: Authorizer }) {
    this.#store = options.store
    this.#accounts = options.accounts
    this.#authorizer = options.authorizer
    for (const kind of ['project', 'serviceAccount'] as const) {
      this.#authorizer.register(kind, {
        bindings: (resource) => this.#store.policy(resource)?.bindings ?? [],
        renameMember: (from, to) => this.#renameMember(kind, from, to),
      })
    }
  }

  /** `resource` is `projects/P` or `projects/P/serviceAccounts/EMAIL`, and exists. */
  get(resource: string): StoredPolicy {
    return this.#store.policy(resource) ?? EMPTY_POLICY
  }

  set(resource: string, wanted: WantedPolicy | undefined): StoredPolicy {
    const isProject = !resource.includes('/serviceAccounts/')
    const rules: PolicyRules = {
      roles: isProject ? ['*'] : ['iam'],
      mayBePublic: false,
      accountFault: (email) => this.#authorizer.accountFault(email),
    }
    const [before, policy] = this.#store.atomically(() => {
      const current = this.get(resource)
      const replaced = replacedPolicy(current, wanted, rules)
      this.#store.putPolicy(resource, replaced)
      return [current, replaced]
    })
    // The first policy of a resource is part of its creation.
    const isFirst = isProject && before === EMPTY_POLICY
    const change = { resource, before: before.bindings, after: policy.bindings }
    this.#authorizer.policiesChanged(isFirst ? undefined : change)
    return policy
  }

  #renameMember(kind: AnchorKind, from: string, to: string): void {
    for (const { resource, policy } of this.#store.policies()) {
      if (resource.includes('/serviceAccounts/') !== (kind === 'serviceAccount')) continue
      const renamed = withMemberRenamed(policy, from, to)
      if (renamed !== policy) this.#store.putPolicy(resource, renamed)
    }
  }

  /** The resource name of an account that exists. Throws NOT_FOUND with the message of the policy methods. */
  accountResource(projectId: string, key: string, permission: string): string {
    const row = this.#accounts.found(key, permission)
    if (row) return `projects/${projectId}/serviceAccounts/${row.email}`
    throw new GoogleError(
      'NOT_FOUND',
      `Service account projects/${projectId}/serviceAccounts/${lastPart(key)} does not exist.`,
      { details: [] },
    )
  }
}
