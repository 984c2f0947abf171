import type { Authorizer } from '../iam/authorizer.ts'
import { EMPTY_POLICY, replacedPolicy, withMemberRenamed, type StoredPolicy, type WantedPolicy } from '../iam/policy.ts'
import type { RegistryStore } from './store.ts'

/** The policies of repositories (https://cloud.google.com/artifact-registry/docs/access-control#grant-repo). */
export class RepositoryPolicies {
  readonly #store: RegistryStore
  readonly #access: Authorizer

  /** Registers the policies with `access`. */
  constructor(store: RegistryStore, access: Authorizer) {
    this.#store = store
    this.#access = access
    access.register('repository', {
      bindings: (repository) => this.get(repository).bindings,
      renameMember: (from, to) => this.#renameMember(from, to),
    })
  }

  /** The policy of an existing repository. */
  get(repository: string): StoredPolicy {
    const stored = this.#store.policy(repository)
    return stored === undefined ? EMPTY_POLICY : (JSON.parse(stored) as StoredPolicy)
  }

  /** Throws INVALID_ARGUMENT, ABORTED. */
  set(repository: string, wanted: WantedPolicy | undefined): StoredPolicy {
    const { bindings: before } = this.get(repository)
    const policy = replacedPolicy(this.get(repository), wanted, {
      roles: ['artifactregistry', 'run'],
      mayBePublic: true,
      accountFault: (email) => this.#access.accountFault(email),
    })
    this.#store.putPolicy(repository, JSON.stringify(policy))
    this.#access.policiesChanged({ resource: repository, before, after: policy.bindings })
    return policy
  }

  #renameMember(from: string, to: string): void {
    for (const { repository, policy } of this.#store.policies()) {
      const stored = JSON.parse(policy) as StoredPolicy
      const renamed = withMemberRenamed(stored, from, to)
      if (renamed !== stored) this.#store.putPolicy(repository, JSON.stringify(renamed))
    }
  }
}
