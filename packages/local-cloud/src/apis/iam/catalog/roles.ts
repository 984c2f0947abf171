import { bigquery } from './bigquery.ts'
import { iam, orgpolicy, resourcemanager } from './identity.ts'
import { cloudtasks, pubsub } from './messaging.ts'
import { aiplatform, artifactregistry, cloudbuild, logging, serviceusage } from './platform.ts'
import { run } from './run.ts'
import type { ServiceRoles } from './service-roles.ts'
import { storage } from './storage.ts'

const SERVICES: readonly ServiceRoles[] = [
  aiplatform,
  artifactregistry,
  bigquery,
  cloudbuild,
  cloudtasks,
  iam,
  logging,
  orgpolicy,
  pubsub,
  resourcemanager,
  run,
  serviceusage,
  storage,
]

const PERMISSIONS: ReadonlySet<string> = new Set(SERVICES.flatMap(({ permissions }) => permissions))

const KNOWN_SERVICES = new Set([...PERMISSIONS].map((permission) => permission.slice(0, permission.indexOf('.'))))

const ROLES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ...basicRoles(),
  ...SERVICES.flatMap(({ roles }) => Object.entries(roles)).map(
    ([role, permissions]) => [role, expanded(permissions)] as const,
  ),
])

/** The permissions of a predefined role, as far as the local cloud knows them; undefined for a role it does not know. */
export function permissionsOf(role: string): ReadonlySet<string> | undefined {
  return ROLES.get(role)
}

/** Whether the local cloud knows the permission at all. */
export function isKnownPermission(permission: string): boolean {
  return PERMISSIONS.has(permission)
}

/** Whether the permission is one of an API whose permissions the local cloud knows. */
export function isKnownService(permission: string): boolean {
  return KNOWN_SERVICES.has(permission.slice(0, permission.indexOf('.')))
}

/** Every role in the catalog, for the support page and for tests. */
export function knownRoles(): readonly string[] {
  return [...ROLES.keys()].toSorted()
}

/** Viewer, editor, owner: each holds what the one before holds. */
function basicRoles(): [string, ReadonlySet<string>][] {
  const levels = ['viewer', 'editor', 'owner'] as const
  return levels.map((level, index) => {
    const held = SERVICES.flatMap(({ basic }) => levels.slice(0, index + 1).flatMap((lower) => basic[lower]))
    return [`roles/${level}`, expanded(held)]
  })
}

/** Resolves `run.*` and `*.getIamPolicy` among the permissions of all APIs. */
function expanded(patterns: readonly string[]): ReadonlySet<string> {
  return new Set(
    patterns.flatMap((pattern) => {
      if (pattern.endsWith('.*')) return [...PERMISSIONS].filter((each) => each.startsWith(pattern.slice(0, -1)))
      if (pattern.startsWith('*.')) return [...PERMISSIONS].filter((each) => each.endsWith(pattern.slice(1)))
      if (!PERMISSIONS.has(pattern)) throw new Error(`the catalog grants ${pattern}, which no API defines`)
      return [pattern]
    }),
  )
}
