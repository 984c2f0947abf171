import type { HttpRules } from '../../kernel/api.ts'

/** Where Cloud Run has its operations (https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.operations). */
export const HTTP_RULES: HttpRules = {
  'google.longrunning.Operations': {
    GetOperation: { get: '/v2/{name=projects/*/locations/*/operations/*}' },
    ListOperations: { get: '/v2/{name=projects/*/locations/*}/operations' },
    DeleteOperation: { delete: '/v2/{name=projects/*/locations/*/operations/*}' },
    WaitOperation: { post: '/v2/{name=projects/*/locations/*/operations/*}:wait', body: '*' },
  },
}
