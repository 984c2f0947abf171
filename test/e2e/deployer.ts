import { readFileSync } from 'node:fs'
import { GRANTS } from '../../src/contracts/grants.ts'
import { REQUIRED_SERVICES } from '../../src/contracts/required-services.ts'
import type { Project } from './project-state.ts'

/** The deployer's roles in docs/deploy.md. */
export const DEPLOYER_ROLES = GRANTS.filter(
  ({ to, by, isOptional }) => to === 'deployer' && by === 'you' && !isOptional,
).map(({ role }) => role)

/** Creates an account with these roles in the project and no others; returns its email address. */
export async function newAccount(project: Project, id: string, roles: readonly string[]): Promise<string> {
  const { projectId } = project.locator
  await project.call('POST', `v1/projects/${projectId}/serviceAccounts`, { accountId: id })
  const email = `${id}@${projectId}.iam.gserviceaccount.com`
  await setRoles(project, email, roles)
  return email
}

/** Replaces the roles of an account in the project. */
export async function setRoles(project: Project, email: string, roles: readonly string[]): Promise<void> {
  const path = `v3/projects/${project.locator.projectId}`
  const policy = await project.call('POST', `${path}:getIamPolicy`, {})
  await project.call('POST', `${path}:setIamPolicy`, { policy: withRoles(policy, email, roles) })
}

interface Policy {
  bindings?: { role: string; members: string[] }[]
}

/** A policy in which an account, or a federated identity (`principal://…`), has these roles and no others. */
export function withRoles(policy: Policy, email: string, roles: readonly string[]): Policy {
  const member = email.includes('://') ? email : `serviceAccount:${email}`
  const others = (policy.bindings ?? [])
    .map((binding) => ({ ...binding, members: binding.members.filter((each) => each !== member) }))
    .filter(({ members }) => members.length > 0)
  return { ...policy, bindings: [...others, ...roles.map((role) => ({ role, members: [member] }))] }
}

export async function enableApis(project: Project, names = REQUIRED_SERVICES.map(({ name }) => name)): Promise<void> {
  await finished(project, 'services:batchEnable', { serviceIds: names })
}

/** Disables the services that a new project does not have enabled. */
export async function disableApis(project: Project): Promise<void> {
  for (const { name } of REQUIRED_SERVICES) {
    if (['bigquery', 'logging', 'storage'].some((api) => name.startsWith(`${api}.`))) continue
    await finished(project, `services/${name}:disable`, {})
  }
}

/** Calls a method of Service Usage and waits for its operation. */
async function finished(project: Project, method: string, body: object): Promise<void> {
  let operation = await project.call('POST', `v1/projects/${project.locator.projectId}/${method}`, body)
  while (operation['done'] !== true) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    operation = await project.call('GET', `v1/${String(operation['name'])}`)
  }
}

/** One call of the access log. */
export interface LoggedCall {
  method: string
  path?: string
  email?: string
  status?: string
}

/** The calls by an account after a moment, given as the log's length then. */
export function callsSince(logFile: string, offset: number, email: string): LoggedCall[] {
  return readFileSync(logFile)
    .subarray(offset)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LoggedCall)
    .filter((call) => call.email === email)
}

/** Methods that look and change nothing, by their last word; making a token is one of them. */
const READING = /[./](?:get|list|batchGet|test|generateIdToken)[A-Za-z]*$/i

/** The calls that could change something. The local cloud refuses unsupported calls by name, so they change nothing. */
export function changing(calls: readonly LoggedCall[]): string[] {
  return calls
    .filter(({ method, status }) => !READING.test(method) && status !== 'UNIMPLEMENTED')
    .map(({ method }) => method)
}
