import type { HttpRules } from '../../kernel/api.ts'

/**
 * The paths in Cloud Tasks of the services that many APIs share
 * (https://cloud.google.com/tasks/docs/reference/rest/v2beta3/projects.locations.operations).
 */
export const HTTP_RULES: HttpRules = {
  'google.longrunning.Operations': {
    GetOperation: { get: '/v2beta3/{name=projects/*/locations/*/operations/*}' },
  },
}
