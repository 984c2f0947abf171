import { FreshGrants } from '../../src/apis/iam/fresh-grants.ts'
import { Authorizer } from '../../src/apis/iam/index.ts'
import { systemClock } from '../../src/kernel/clock.ts'

/**
 * Permissions of accounts in a project without the rest of IAM: `grants` are the roles that members
 * have on the whole project. Every service account is assumed to exist.
 */
export function accessOf(project: {
  projectId: string
  projectNumber: string
  grants?: Record<string, readonly string[]>
}): Authorizer {
  const { projectId, projectNumber, grants = {} } = project
  const freshGrants = new FreshGrants(systemClock, () => 0)
  const access = new Authorizer({ projectId, projectNumber, accountFault: () => undefined, freshGrants })
  const bindings = Object.entries(grants).map(([role, members]) => ({ role, members: [...members] }))
  access.register('project', { bindings: () => bindings, renameMember: () => undefined })
  return access
}
