import type { HttpRule, HttpRules } from '../../kernel/api.ts'

const RESOURCES = ['topics', 'subscriptions', 'snapshots', 'schemas']

/** One path for each kind of resource that has a policy. */
function forEachResource(rule: (resource: string) => HttpRule): HttpRule {
  return { additional_bindings: RESOURCES.map((kind) => rule(`/v1/{resource=projects/*/${kind}/*}`)) }
}

/**
 * The paths of the policies of Pub/Sub's resources
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/setIamPolicy).
 */
export const HTTP_RULES: HttpRules = {
  'google.iam.v1.IAMPolicy': {
    GetIamPolicy: forEachResource((path) => ({ get: `${path}:getIamPolicy` })),
    SetIamPolicy: forEachResource((path) => ({ post: `${path}:setIamPolicy`, body: '*' })),
    TestIamPermissions: forEachResource((path) => ({ post: `${path}:testIamPermissions`, body: '*' })),
  },
}
