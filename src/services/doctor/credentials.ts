import { callerMember } from '../../google/auth/caller-member.ts'
import { findCredentials, type CredentialsOrigin } from '../../google/auth/credentials-origin.ts'
import { accessClient } from '../../google/auth/credentials.ts'
import { quotaProjectInUse } from '../../google/auth/quota-project.ts'
import { cloudError } from '../../google/transport/errors.ts'
import { failed, ok, warning, type Check } from './check.ts'

const KINDS: Record<string, string> = {
  authorized_user: 'a user account',
  service_account: "a service account's key",
  impersonated_service_account: 'an impersonated service account',
  external_account: 'a workload identity',
  external_account_authorized_user: 'a workforce identity',
}

export const credentials: Check = {
  name: 'credentials',
  title: 'Credentials',
  async run({ target: { place } }) {
    const origin = await findCredentials()
    try {
      await (await accessClient()).getAccessToken()
    } catch (error) {
      return failed(
        `${originText(origin)} cannot get an access token: ${cloudError(error).message}`,
        ...remedies(origin),
      )
    }
    const member = await callerMember()
    const who = `${member?.slice(member.indexOf(':') + 1) ?? nameless(origin)} (${originText(origin)})`
    const quotaProject = quotaProjectInUse()
    if (quotaProject !== undefined && quotaProject !== place.projectId) {
      return warning(
        `${who}; GOOGLE_CLOUD_QUOTA_PROJECT makes calls count against ${quotaProject}, where the APIs can be off`,
        'unset GOOGLE_CLOUD_QUOTA_PROJECT',
      )
    }
    return ok(who)
  },
}

/** Describes an account that has no email address. */
function nameless(origin: CredentialsOrigin): string {
  const pool = origin.kind === 'file' ? origin.identityPool : undefined
  return pool === undefined ? 'an account without an email address' : `an identity of ${pool.split('/').at(-1)}`
}

/** Commands that show why credentials of each kind get no token. */
function remedies(origin: CredentialsOrigin): string[] {
  if (origin.kind !== 'file') return ['gcloud auth application-default login']
  const { type, account, identityPool } = origin
  if (type === 'service_account') return [`gcloud iam service-accounts keys list --iam-account ${account ?? 'ACCOUNT'}`]
  const pool = /^projects\/(\d+)\/locations\/global\/workloadIdentityPools\/(.+)$/.exec(identityPool ?? '')
  const lookAtPool = pool
    ? [
        `gcloud iam workload-identity-pools providers list --workload-identity-pool ${pool[2]} --location global --project ${pool[1]}`,
      ]
    : []
  const lookAtAccount = account === undefined ? [] : [`gcloud iam service-accounts get-iam-policy ${account}`]
  const found = [...lookAtPool, ...lookAtAccount]
  return found.length > 0 ? found : ['gcloud auth application-default login']
}

function originText(origin: CredentialsOrigin): string {
  return origin.kind === 'file' ? `${KINDS[origin.type] ?? origin.type}, ${origin.path}` : origin.kind
}
