import type { DatabaseSync } from 'node:sqlite'
import type { RpcHandler } from '../../kernel/api.ts'
import { notEmulated } from '../../kernel/errors.ts'
import type { Authorizer } from '../iam/authorizer.ts'
import {
  checkTestedPermissions,
  EMPTY_POLICY,
  policyEtag,
  replacedPolicy,
  withMemberRenamed,
  type Binding,
  type StoredPolicy,
} from '../iam/policy.ts'
import { notFound, parseName } from './names.ts'
import type { ResourceStore } from './resource-store.ts'

/** google.iam.v1.Policy in proto-loader form. */
interface WirePolicy {
  version: number
  bindings: (Binding & { condition?: object | null })[]
  auditConfigs?: object[]
  etag: Buffer
}

interface OfResource {
  resource: string
}

/** What the policies of topics need of IAM. */
export type TopicAccess = Pick<Authorizer, 'register' | 'held' | 'policiesChanged' | 'accountFault'>

/**
 * The methods of google.iam.v1.IAMPolicy on topics, and the policies, which `access` reads to check permissions
 * (https://cloud.google.com/pubsub/docs/access-control#permissions_and_roles). A topic's policy is deleted with it.
 */
export function topicPolicyHandlers(
  database: DatabaseSync,
  resources: Pick<ResourceStore, 'topic'>,
  access: TopicAccess,
): Record<string, RpcHandler> {
  const read = database.prepare('SELECT policy FROM topic_policies WHERE topic = ?')
  const all = database.prepare('SELECT topic, policy FROM topic_policies')
  const write = database.prepare(
    'INSERT INTO topic_policies (topic, policy) VALUES (?, ?) ON CONFLICT (topic) DO UPDATE SET policy = excluded.policy',
  )
  const stored = (topic: string): StoredPolicy => {
    const row = read.get(topic) as { policy: string } | undefined
    return row ? (JSON.parse(row.policy) as StoredPolicy) : EMPTY_POLICY
  }
  const existing = (resource: string): StoredPolicy => {
    checkIsTopic(resource)
    if (!resources.topic(resource)) throw notFound(resource)
    return stored(resource)
  }

  access.register('topic', {
    bindings: (topic) => stored(topic).bindings,
    renameMember(from, to) {
      for (const { topic, policy } of all.all() as { topic: string; policy: string }[]) {
        const before = JSON.parse(policy) as StoredPolicy
        const after = withMemberRenamed(before, from, to)
        if (after !== before) write.run(topic, JSON.stringify(after))
      }
    },
  })

  return {
    GetIamPolicy: ({ resource }: OfResource) => wirePolicy(existing(resource)),

    SetIamPolicy({ resource, policy }: OfResource & { policy: WirePolicy | null }) {
      const before = existing(resource)
      const wanted = policy && {
        etag: policy.etag.toString('base64'),
        bindings: policy.bindings,
        auditConfigs: policy.auditConfigs ?? [],
      }
      const rules = {
        roles: ['pubsub', 'basic'],
        mayBePublic: true,
        accountFault: (email: string) => access.accountFault(email),
      }
      const after = replacedPolicy(before, wanted, rules)
      write.run(resource, JSON.stringify(after))
      access.policiesChanged({ resource, before: before.bindings, after: after.bindings })
      return wirePolicy(after)
    },

    /** "If the resource does not exist, this will return an empty set of permissions, not a NOT_FOUND error" (google/iam/v1/iam_policy.proto). */
    TestIamPermissions({ resource, permissions }: OfResource & { permissions: string[] }, { principal }) {
      checkIsTopic(resource)
      checkTestedPermissions(permissions)
      return { permissions: resources.topic(resource) ? access.held(principal, permissions, resource) : [] }
    },
  }
}

function checkIsTopic(resource: string): void {
  const [, kind] = /^projects\/[^/]+\/(subscriptions|snapshots|schemas)\//.exec(resource) ?? []
  if (kind !== undefined) throw notEmulated(`the IAM policy of ${kind}`)
  parseName(resource, 'topics')
}

function wirePolicy(policy: StoredPolicy): WirePolicy {
  return {
    version: 1,
    bindings: policy.bindings,
    auditConfigs: [],
    etag: Buffer.from(policyEtag(policy), 'base64'),
  }
}
