import type { Context } from 'hono'
import type { Demand } from '../../kernel/api.ts'
import { need } from '../../kernel/needs.ts'
import type { Accounts } from './accounts.ts'
import { permissionDenied } from './denials.ts'

/** Only the local project has accounts and policies. */
export interface LocalProject {
  accounts: Accounts
  projectId: string
  projectNumber: string
}

interface RouteNeeds {
  needs: (context: Context) => readonly Demand[]
}

/** `permission` on the project in the address. */
export function onProject(permission: string, local: LocalProject): RouteNeeds {
  return { needs: (context) => projectNeeds(permission, projectName(context), local) }
}

/** `permission` on the service account in the address. */
export function onAccount(permission: string, local: LocalProject): RouteNeeds {
  return { needs: (context) => projectNeeds(permission, accountName(context, local), local) }
}

/** `projects/P` of the address, without the method after a colon. */
export function projectName(context: Context): string {
  return `projects/${withoutMethod(context.req.param('project'))}`
}

/** The address or unique ID of the account in a call's address. */
export function accountKey(context: Context): string {
  return withoutMethod(context.req.param('account'))
}

function withoutMethod(segment = ''): string {
  return segment.replace(/:[a-zA-Z]+$/, '')
}

/** The full name of an account in any project: `-` means the project in the address. */
function accountName(context: Context, { accounts, projectId }: LocalProject): string {
  const key = accountKey(context)
  const email = accounts.find(key)?.email ?? key
  const project = context.req.param('project')!
  const owner = project === '-' ? (accounts.isLocal(email) ? projectId : 'another-project') : project
  return `projects/${owner}/serviceAccounts/${email}`
}

/** Any other project is refused. Throws PERMISSION_DENIED. */
function projectNeeds(permission: string, resource: string, local: LocalProject): Demand[] {
  const project = resource.split('/', 2)[1]
  if (project === local.projectId || project === local.projectNumber) return need(permission, resource)
  throw permissionDenied({ email: '' }, { permission, resource })
}
