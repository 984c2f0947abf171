import type { Access, Demand, Principal } from '../../kernel/api.ts'
import { permissionsOf } from './catalog/roles.ts'
import { permissionDenied } from './denials.ts'
import type { FreshGrants, PolicyChange } from './fresh-grants.ts'
import type { Binding } from './policy.ts'
import { anchorOf, lastPart, type Anchor, type AnchorKind } from './resources.ts'

/** The policies of one kind of resource: each API stores its own. */
export interface PolicySource {
  /** Returns the bindings on the resource; none when it does not exist. */
  bindings(resource: string): readonly Binding[]
  /** The project of a resource whose name does not say it (`projects/_/buckets/B`). */
  projectOf?(resource: string): string | undefined
  /** Renames a deleted account. */
  renameMember(from: string, to: string): void | Promise<void>
}

/** The authorizer's functions for an API that stores its own policies. */
export type AccessControl = Pick<Authorizer, 'has' | 'check' | 'register' | 'policiesChanged' | 'accountFault'>

export interface AuthorizerOptions {
  projectId: string
  projectNumber: string
  /** Returns why a policy cannot name a service account, or undefined. */
  accountFault(email: string): string | undefined
  freshGrants: FreshGrants
}

const ACT_AS = 'iam.serviceAccounts.actAs'

/** Decisions are remembered until a policy changes; the map is cleared at this size. */
const MAX_REMEMBERED_DECISIONS = 20_000

/**
 * Decides what accounts may do: a permission is held when a role that contains it is granted on the
 * resource or on its project (https://cloud.google.com/iam/docs/resource-hierarchy-access-control).
 */
export class Authorizer implements Access {
  readonly #options: AuthorizerOptions
  readonly #sources = new Map<AnchorKind, PolicySource>()
  readonly #decisions = new Map<string, boolean>()
  /** The sets of federated identities when they were last seen: background work knows only the identity. */
  readonly #sets = new Map<string, readonly string[]>()

  constructor(options: AuthorizerOptions) {
    this.#options = options
  }

  register(kind: AnchorKind, source: PolicySource): void {
    this.#sources.set(kind, source)
  }

  /** Call it after each change of a policy or of its inputs; with the change, if roles were granted. */
  policiesChanged(change?: PolicyChange): void {
    if (change) this.#options.freshGrants.add(change)
    this.#decisions.clear()
  }

  check(principal: Principal, demands: readonly Demand[]): void {
    for (const demand of demands) if (!this.has(principal, demand)) throw permissionDenied(principal, demand)
  }

  has({ email, sets }: Principal, demand: Demand): boolean {
    if (sets) this.#sets.set(email, sets)
    return this.#remembered([email, ...(sets ?? this.#sets.get(email) ?? [])], demand)
  }

  /** Whether anyone at all may, without a token: `allUsers` holds it. */
  isPublic(demand: Demand): boolean {
    return this.#remembered([], demand)
  }

  /** Returns why a policy cannot name a service account, or undefined. */
  accountFault(email: string): string | undefined {
    return this.#options.accountFault(email)
  }

  /** @param caller the identity and its principal sets; empty for anonymous callers */
  #remembered(caller: readonly string[], { permission, resource }: Demand): boolean {
    const anchor = anchorOf(resource)
    // Only actAs needs an existing account; all other permissions can be checked without it.
    if (permission === ACT_AS && this.accountFault(lastPart(anchor.name)) !== undefined) return false
    if (this.#options.freshGrants.settle()) this.#decisions.clear()
    const key = `${caller.join(' ')} ${permission} ${anchor.name}`
    const known = this.#decisions.get(key)
    if (known !== undefined) return known
    const isHeld = this.#decide(caller, permission, anchor)
    if (this.#decisions.size >= MAX_REMEMBERED_DECISIONS) this.#decisions.clear()
    this.#decisions.set(key, isHeld)
    return isHeld
  }

  /** Returns the `permissions` that the principal holds, for testIamPermissions. */
  held(principal: Principal, permissions: readonly string[], resource: string): string[] {
    return permissions.filter((permission) => this.has(principal, { permission, resource }))
  }

  /** Renames a member in every policy. */
  async renameMember(from: string, to: string): Promise<void> {
    for (const source of this.#sources.values()) await source.renameMember(from, to)
    this.policiesChanged()
  }

  #decide(caller: readonly string[], permission: string, anchor: Anchor): boolean {
    const project = this.#projectOf(anchor)
    if (project === undefined) return false
    const { projectId, projectNumber } = this.#options
    const aliases =
      project === `projects/${projectId}` ? [projectId, projectNumber] : [project.slice('projects/'.length)]
    const projectBindings = this.#bindings({ kind: 'project', name: project })
    const names = memberNames(caller)
    const isNamed = (resource: string, { role, members }: Binding): boolean =>
      members.some((member) => names.includes(member) && this.#options.freshGrants.isEffective(resource, role, member))
    for (const [level, role] of CONVENIENCE_MEMBERS) {
      const isHolder = projectBindings.some((binding) => binding.role === role && isNamed(project, binding))
      if (isHolder) names.push(...aliases.map((alias) => `${level}:${alias}`))
    }
    const isHeld = (resource: string, bindings: readonly Binding[]): boolean =>
      bindings.some((binding) => permissionsOf(binding.role)?.has(permission) && isNamed(resource, binding))
    return (
      isHeld(project, projectBindings) || (anchor.kind !== 'project' && isHeld(anchor.name, this.#bindings(anchor)))
    )
  }

  #bindings({ kind, name }: Anchor): readonly Binding[] {
    return this.#sources.get(kind)?.bindings(name) ?? []
  }

  /** `projects/ID` of a resource; the local project may be named by its number. Undefined when the resource is not there. */
  #projectOf({ kind, name }: Anchor): string | undefined {
    const { projectId, projectNumber } = this.#options
    const source = this.#sources.get(kind)
    const project = source?.projectOf ? source.projectOf(name) : name.split('/', 2)[1]
    if (!project) return undefined
    return `projects/${project === projectNumber ? projectId : project}`
  }
}

/** https://cloud.google.com/storage/docs/access-control/iam#convenience-values */
const CONVENIENCE_MEMBERS = [
  ['projectOwner', 'roles/owner'],
  ['projectEditor', 'roles/editor'],
  ['projectViewer', 'roles/viewer'],
] as const

/**
 * How a caller may be named in policies. Groups have no members in the local cloud. `allAuthenticatedUsers`
 * "doesn't include identities that come from external identity providers"
 * (https://cloud.google.com/iam/docs/principals-overview).
 */
function memberNames([email, ...sets]: readonly string[]): string[] {
  if (email === undefined) return ['allUsers']
  if (email.startsWith('principal://')) return ['allUsers', email, ...sets]
  const kind = isServiceAccount(email) ? 'serviceAccount' : 'user'
  return ['allUsers', 'allAuthenticatedUsers', `${kind}:${email}`, `domain:${email.slice(email.indexOf('@') + 1)}`]
}

/** Whether the address is that of a service account (https://cloud.google.com/iam/docs/service-account-types). */
export function isServiceAccount(email: string): boolean {
  return email.endsWith('.gserviceaccount.com')
}
