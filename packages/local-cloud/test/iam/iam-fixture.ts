import { cloudresourcemanager_v3 } from '@googleapis/cloudresourcemanager'
import { iam_v1 } from '@googleapis/iam'
import { iamcredentials_v1 } from '@googleapis/iamcredentials'
import { OAuth2Client } from 'google-auth-library'
import type { LocalCloud } from '../../src/host/local-cloud.ts'
import { accessToken } from '../host/local-cloud-fixture.ts'

export const PROJECT = 'projects/imagery-local'

/** Google's own clients of the IAM APIs, with one access token. */
export interface IamClients {
  accounts: iam_v1.Resource$Projects$Serviceaccounts
  projects: cloudresourcemanager_v3.Resource$Projects
  credentials: iamcredentials_v1.Resource$Projects$Serviceaccounts
}

/** The clients with this token; the operator's by default. */
export async function iamClients(cloud: Pick<LocalCloud, 'locator'>, token?: string): Promise<IamClients> {
  const auth = new OAuth2Client()
  auth.setCredentials({ access_token: token ?? (await accessToken(cloud)) })
  // The types of the auth libraries of two packages differ in private fields only.
  const options = { auth: auth as never, rootUrl: `${cloud.locator.http}/`, retryConfig: { retry: 0 } }
  return {
    accounts: new iam_v1.Iam(options).projects.serviceAccounts,
    projects: new cloudresourcemanager_v3.Cloudresourcemanager(options).projects,
    credentials: new iamcredentials_v1.Iamcredentials(options).projects.serviceAccounts,
  }
}

/** How a call was refused, as the client reports it. */
export interface Refusal {
  code: number
  status: string
  message: string
  details: { reason?: string; metadata?: Record<string, string> }[]
}

/** Waits for a call to be refused. Rejects when it is not. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => Promise.reject(new Error('the call was not refused')),
    (reason: unknown) => reason as { response?: { data: { error: Omit<Refusal, 'details'> & { details?: [] } } } },
  )
  if (!error.response) throw error as unknown as Error
  const { code, status, message, details = [] } = error.response.data.error
  return { code, status, message, details }
}

/** Creates an account. Returns its email address. */
export async function createAccount({ accounts }: IamClients, accountId: string): Promise<string> {
  const { data } = await accounts.create({ name: PROJECT, requestBody: { accountId } })
  return data.email!
}
