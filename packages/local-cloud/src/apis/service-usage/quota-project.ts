import type { Access, Principal } from '../../kernel/api.ts'
import type { GoogleError } from '../../kernel/errors.ts'
import { errorInfo, restError } from '../../kernel/rest-request.ts'
import { servicesOf } from './gate.ts'

const USE = 'serviceusage.services.use'

/**
 * Checks that the caller may have its calls counted against a project, and throws what Google answers otherwise
 * (https://github.com/google-github-actions/auth/issues/250). For a project that does not exist, the answer is the same.
 */
export function checkQuotaProject(
  access: Pick<Access, 'has'>,
  principal: Principal,
  call: { method: string; project: string },
): void {
  const { method, project } = call
  if (access.has(principal, { permission: USE, resource: `projects/${project}` })) return
  throw userProjectDenied(project, servicesOf(method)[0] ?? 'serviceusage.googleapis.com')
}

function userProjectDenied(project: string, service: string): GoogleError {
  const url = `https://console.developers.google.com/iam-admin/iam/project?project=${project}`
  const message =
    `Caller does not have required permission to use project ${project}. Grant the caller the ` +
    `roles/serviceusage.serviceUsageConsumer role, or a custom role with the ${USE} permission, by visiting ${url} and ` +
    'then retry. Propagation of the new permission may take a few minutes.'
  return restError('PERMISSION_DENIED', message, [
    {
      '@type': 'type.googleapis.com/google.rpc.Help',
      links: [{ description: 'Google developer console IAM admin', url }],
    },
    errorInfo('USER_PROJECT_DENIED', 'googleapis.com', { service, consumer: `projects/${project}` }),
  ])
}
