import { accessOf } from '../iam/access-fixture.ts'
import type { Authorizer } from '../../src/apis/iam/index.ts'

/** The caller in the tests of BigQuery: the owner of the project `demo`. */
export const TESTER = 'test@example.com'

export function demoAccess(): Authorizer {
  return accessOf({
    projectId: 'demo',
    projectNumber: '123456789012',
    grants: { 'roles/owner': [`user:${TESTER}`] },
  })
}
