import { describe, expect, test } from 'vitest'
import type { ImageryError } from '../../../src/contracts/errors.ts'
import { cloudError, httpError } from '../../../src/google/transport/errors.ts'
import { expectedFailure } from '../../../src/services/failures/cloud-failure.ts'
import { missingRoleFailure } from '../../../src/services/failures/missing-role.ts'

const place = { projectId: 'my-project', region: 'europe-west1' }

/** Refusals of Google that a missing role does not explain, as the clients throw them. */
const explain = (code: number, reason: string, message: string): ImageryError =>
  expectedFailure(
    cloudError(Object.assign(new Error(message), { code, errors: [{ reason, message }] })),
    place,
  ) as ImageryError

const KMS =
  "Access Denied: BigQuery BigQuery: Cloud KMS Error: Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource 'projects/keys/locations/eu/keyRings/ring/cryptoKeys/key' (or it may not exist). Please grant Cloud KMS CryptoKey Encrypter/Decrypter role to BigQuery service account: bq-123@bigquery-encryption.iam.gserviceaccount.com"

describe('VPC Service Controls', () => {
  const message = "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: yBL4S-x_1"
  const expected = {
    code: 'ACCESS_DENIED',
    message: expect.stringMatching(/^VPC Service Controls .* must allow it with an ingress or egress rule$/) as string,
    suggestions: [expect.stringContaining('vpcServiceControlsUniqueId="yBL4S-x_1"') as string],
  }

  test('are recognized in an answer of BigQuery', () => {
    expect(explain(403, 'accessDenied', `VPC Service Controls: ${message}`)).toMatchObject(expected)
  })

  test('are recognized in google.rpc.ErrorInfo', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'SECURITY_POLICY_VIOLATED' }]
    const error = httpError(403, { error: { code: 403, message, status: 'PERMISSION_DENIED', details } })
    expect(expectedFailure(error, place)).toMatchObject(expected)
  })

  test('are not reported as a missing role', () => {
    const error = cloudError({ code: 7, details: message })
    const failure = missingRoleFailure(error, { place, to: 'runner', what: 'A call', roles: ['roles/bigquery.user'] })
    expect(failure).toMatchObject(expected)
  })
})

test('a key that BigQuery is not allowed to use leads to the command that allows it', () => {
  expect(explain(403, 'accessDenied', KMS)).toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('customer-managed encryption key') as string,
    suggestions: [
      'gcloud kms keys add-iam-policy-binding projects/keys/locations/eu/keyRings/ring/cryptoKeys/key --member serviceAccount:bq-123@bigquery-encryption.iam.gserviceaccount.com --role roles/cloudkms.cryptoKeyEncrypterDecrypter',
    ],
  })
})

test.each([
  'Access Denied: BigQuery BigQuery: Permission denied while getting Drive credentials.',
  'Access Denied: BigQuery BigQuery: No OAuth token with Google Drive scope was found.',
  'Access Denied: BigQuery BigQuery: Permission denied while globbing file pattern.',
])('a table over a file in Google Drive leads to a login with its scope: %s', (message) => {
  const failure = explain(403, 'accessDenied', message)
  expect(failure).toMatchObject({ code: 'ACCESS_DENIED', message: expect.stringContaining('Google Drive') as string })
  expect(failure.suggestions[0]).toMatch(
    /^gcloud auth application-default login --scopes=https:\/\/www\.googleapis\.com\/auth\/drive,/,
  )
})

test('a table over files in a bucket leads to the role on that bucket', () => {
  const message =
    "Access Denied: BigQuery BigQuery: Permission denied while globbing file pattern. runner@my-project.iam.gserviceaccount.com does not have storage.objects.list access to the Google Cloud Storage bucket. Permission 'storage.objects.list' denied on resource (or it may not exist). Please make sure gs://theirs/day/*.csv is accessible via appropriate IAM roles, e.g. Storage Object Viewer or Storage Object Creator."
  expect(explain(403, 'accessDenied', message).suggestions).toEqual([
    'gcloud storage buckets add-iam-policy-binding gs://theirs --member serviceAccount:runner@my-project.iam.gserviceaccount.com --role roles/storage.objectViewer',
  ])
})

test('an organization that requires a key leads to a default key of the project', () => {
  const message = 'Your administrator requires that you specify an encryption key for queries in project my-project.'
  expect(explain(400, 'invalid', message).suggestions).toEqual([expect.stringContaining('default_kms_key_name')])
})

test('a requester pays bucket leads to a copy of the images', () => {
  const failure = explain(400, 'required', 'gs://paid: Bucket is a requester pays bucket but no user project provided.')
  expect(failure.code).toBe('ACCESS_DENIED')
  expect(failure.message).toContain('would be billed to you')
  expect(failure.suggestions[0]).toBe(
    'gcloud storage cp --recursive gs://paid gs://YOUR-BUCKET --billing-project my-project',
  )
})

test.each([
  ['billingNotEnabled', 'Billing has not been enabled for project 7'],
  ['accessDenied', 'Access Denied: BigQuery BigQuery: Streaming insert is not allowed in the free tier'],
  ['accountDisabled', 'The billing account for the owning project is disabled in state absent'],
  ['forbidden', 'Project my-project (#7) has billing disabled. Please enable it.'],
  ['UREQ_PROJECT_BILLING_NOT_FOUND', "Billing account for project '7' is not found."],
])('a project without billing leads to a billing account (%s)', (reason, message) => {
  expect(explain(403, reason, message).suggestions).toEqual([
    'gcloud billing projects link my-project --billing-account ACCOUNT_ID',
  ])
})

test('a constraint of an organization leads to the policy that sets it', () => {
  const failure = explain(
    412,
    'conditionNotMet',
    "'us-central1' violates constraint 'constraints/gcp.resourceLocations'",
  )
  expect(failure).toMatchObject({
    code: 'CLOUD_ERROR',
    message: expect.stringMatching(/^A policy of your organization forbids this call: /) as string,
    suggestions: ['gcloud org-policies describe gcp.resourceLocations --effective --project my-project'],
  })
})

test('a result that is too large leads to fewer rows', () => {
  expect(explain(403, 'responseTooLarge', 'Response too large to return').suggestions[0]).toContain('--sample N')
})

test('a quota that is used up leads to the page of quotas, not to a role', () => {
  const failure = explain(403, 'quotaExceeded', 'Quota exceeded: Your project exceeded quota for free query bytes')
  expect(failure.code).toBe('CLOUD_ERROR')
  expect(failure.suggestions.join(' ')).toContain('iam-admin/quotas?project=my-project')
})

test('a denial without such a sign still leads to the missing role', () => {
  const failure = explain(403, 'accessDenied', "Access Denied: Permission 'bigquery.jobs.create' denied on project P")
  expect(failure.suggestions.join(' ')).toContain('roles/bigquery.user')
})
