import { accessOf } from '../iam/access-fixture.ts'
import type { Authorizer } from '../../src/apis/iam/index.ts'

/** Whom the tests of BigQuery call as: the owner of the project `demo`. */
export const TESTER = 'test@example.com'

export function demoAccess(): Authorizer {
  return accessOf({
    projectId: 'demo',
    projectNumber: '123456789012',
    grants: { 'roles/owner': [`user:${TESTER}`] },
  })
}
