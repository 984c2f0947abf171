import { callerMember } from '../../google/caller-member.ts'
import { findCredentials, type CredentialsOrigin } from '../../google/credentials-origin.ts'
import { accessClient } from '../../google/credentials.ts'
import { cloudError } from '../../google/errors.ts'
import { failed, ok, warning, type Check } from './check.ts'

const KINDS: Record<string, string> = {
  authorized_user: 'a person',
  service_account: "a service account's key",
  impersonated_service_account: 'an impersonated service account',
  external_account: 'a workload identity',
  external_account_authorized_user: 'a workforce identity',
}

export const credentials: Check = {
  name: 'credentials',
  title: 'Credentials',
  async look({ target: { place } }) {
    const origin = await findCredentials()
    try {
      await (await accessClient()).getAccessToken()
    } catch (error) {
      return failed(
        `${originText(origin)} gets no access token: ${cloudError(error).message}`,
        'gcloud auth application-default login',
      )
    }
    const member = await callerMember()
    const who = `${member?.slice(member.indexOf(':') + 1) ?? 'an account without an e-mail address'} (${originText(origin)})`
    if (origin.kind === 'file' && origin.type === 'authorized_user' && origin.quotaProjectId === undefined) {
      return warning(
        `${who}; without a quota project some APIs refuse people's calls`,
        `gcloud auth application-default set-quota-project ${place.projectId}`,
      )
    }
    return ok(who)
  },
}

function originText(origin: CredentialsOrigin): string {
  return origin.kind === 'file' ? `${KINDS[origin.type] ?? origin.type}, ${origin.path}` : origin.kind
}
