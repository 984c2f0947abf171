import type { GoogleError } from '../../kernel/errors.ts'
import { errorInfo, restError } from '../../kernel/rest-request.ts'
import { catalogEntry } from './catalog.ts'

const DOMAIN = 'serviceusage.googleapis.com'

/** A call to an API that the project does not use (https://cloud.google.com/apis/docs/troubleshooting#api_not_enabled). */
export function serviceDisabled(service: string, projectNumber: string): GoogleError {
  const title = catalogEntry(service)?.title ?? service
  const activationUrl = `https://console.developers.google.com/apis/api/${service}/overview?project=${projectNumber}`
  const message =
    `${title} has not been used in project ${projectNumber} before or it is disabled. Enable it by visiting ` +
    `${activationUrl} then retry. If you enabled this API recently, wait a few minutes for the action to propagate ` +
    'to our systems and retry.'
  return restError('PERMISSION_DENIED', message, [
    errorInfo('SERVICE_DISABLED', 'googleapis.com', {
      service,
      serviceTitle: title,
      consumer: `projects/${projectNumber}`,
      containerInfo: projectNumber,
      activationUrl,
    }),
    {
      '@type': 'type.googleapis.com/google.rpc.Help',
      links: [{ description: 'Google developers console API activation', url: activationUrl }],
    },
  ])
}

/** No such service, or not for this caller: Google does not tell the two apart. */
export function unknownServices(services: readonly string[]): GoogleError {
  const list = services.join(',')
  return restError('PERMISSION_DENIED', `Not found or permission denied for service(s): ${list}.`, [
    preconditionFailure('googleapis.com', '110002', `Not found or permission denied for service(s): ${list}.`),
    errorInfo('SERVICE_CONFIG_NOT_FOUND_OR_PERMISSION_DENIED', DOMAIN, { services: list }),
  ])
}

/** A service that needs billing, in a project without billing. */
export function billingMissing(services: readonly string[], projectNumber: string): GoogleError {
  const description =
    `Billing account for project '${projectNumber}' is not found. Billing must be enabled for activation of ` +
    `service(s) '${services.join(',')}' to proceed.`
  return restError('FAILED_PRECONDITION', description, [
    preconditionFailure('googleapis.com/billing-enabled', projectNumber, description),
    errorInfo('UREQ_PROJECT_BILLING_NOT_FOUND', `${DOMAIN}/billing-enabled`, {}),
  ])
}

export function notEnabled(service: string): GoogleError {
  const description = `The service ${service} is not enabled and cannot be disabled.`
  return restError('FAILED_PRECONDITION', description, [errorInfo('SU_SERVICE_NOT_ENABLED', DOMAIN, { service })])
}

/** https://github.com/hashicorp/terraform-provider-google/issues/7493 */
export function anotherActivation(services: readonly string[], projectId: string): GoogleError {
  return restError(
    'FAILED_PRECONDITION',
    `Another activation or deactivation is in progress for the following service(s): ${services.join(',')} and project ${projectId}.`,
  )
}

export function unknownProject(project: string): GoogleError {
  return restError('PERMISSION_DENIED', `Project '${project}' not found or permission denied.`)
}

function preconditionFailure(type: string, subject: string, description: string): object {
  return { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations: [{ type, subject, description }] }
}
