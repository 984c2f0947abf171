import { ImageryError } from '../../contracts/errors.ts'
import { bqTable, type DeploymentRef } from '../../contracts/names.ts'
import type { CloudError } from '../../google/transport/errors.ts'

/** A refusal that no role lifts: what it looks like, what it means, and what to do. */
interface KnownRefusal {
  matches(error: CloudError): boolean
  explain(error: CloudError, projectId: string): { message: string; suggestions: string[] }
}

const text = ({ message }: CloudError): string => message.replace(/\.\s*$/, '')

/**
 * Google says so in three ways: as the reason of google.rpc.ErrorInfo, in BigQuery's message, and in Cloud Storage's
 * (https://cloud.google.com/vpc-service-controls/docs/troubleshooting, googleapis/python-bigquery#1131,
 * kubeflow/kubeflow#3105).
 */
const serviceControls: KnownRefusal = {
  matches: ({ reason, message }) =>
    reason === 'SECURITY_POLICY_VIOLATED' ||
    /vpcServiceControlsUniqueIdentifier|VPC Service Controls|prohibited by organi[sz]ation's policy/i.test(message),
  explain(error, projectId) {
    const id = /vpcServiceControlsUniqueIdentifier:?\s*([\w-]+)/.exec(error.message)?.[1]
    const filter = `protoPayload.metadata.vpcServiceControlsUniqueId="${id}"`
    return {
      message: `VPC Service Controls of your organization block this call: ${text(error)}. The administrator of the service perimeter must allow it with an ingress or egress rule`,
      suggestions:
        id === undefined
          ? []
          : [`gcloud logging read '${filter}' --project ${projectId}   (names the perimeter and rule)`],
    }
  },
}

/** https://cloud.google.com/bigquery/docs/customer-managed-encryption, in BigQuery's words (GoogleCloudPlatform/cdmc#19). */
const encryptionKey: KnownRefusal = {
  matches: ({ message }) => /Cloud KMS Error|cryptoKeyVersions\.useTo|denied on Cloud KMS key/i.test(message),
  explain(error) {
    const key = /projects\/[^\s']+\/cryptoKeys\/[^\s'/]+/.exec(error.message)?.[0] ?? 'KEY'
    const account = /[\w-]+@bigquery-encryption\.iam\.gserviceaccount\.com/.exec(error.message)?.[0]
    const member = account ?? 'bq-PROJECT_NUMBER@bigquery-encryption.iam.gserviceaccount.com'
    return {
      message: `A customer-managed encryption key protects the data, and BigQuery is not allowed to use it: ${text(error)}`,
      suggestions: [
        `gcloud kms keys add-iam-policy-binding ${key} --member serviceAccount:${member} --role roles/cloudkms.cryptoKeyEncrypterDecrypter`,
      ],
    }
  },
}

/** The organization policy gcp.restrictNonCmekServices (dataform-co/dataform#1793). */
const encryptionRequired: KnownRefusal = {
  matches: ({ message }) => /requires that you specify an encryption key/i.test(message),
  explain: (error, projectId) => ({
    message: `Your organization requires a customer-managed encryption key in BigQuery: ${text(error)}. Give the project a default key, which new tables and query results then use`,
    suggestions: [
      `bq query --project_id=${projectId} --use_legacy_sql=false 'ALTER PROJECT \`${projectId}\` SET OPTIONS (\`region-REGION.default_kms_key_name\`="projects/P/locations/L/keyRings/R/cryptoKeys/K")'`,
    ],
  }),
}

/** https://cloud.google.com/storage/docs/requester-pays; the two spellings are of Google's, in JSON and in XML. */
const requesterPays: KnownRefusal = {
  matches: ({ message }) => /requester pays bucket|UserProjectMissing/i.test(message),
  explain(error, projectId) {
    const bucket = /gs:\/\/[^\s:,/]+/.exec(error.message)?.[0] ?? 'gs://THEIR-BUCKET'
    return {
      message: `The images are in a requester pays bucket, which imagery does not read, because each read would be billed to you: ${text(error)}. Copy the images to a bucket of your own, or ask the owner to turn requester pays off`,
      suggestions: [
        `gcloud storage cp --recursive ${bucket} gs://YOUR-BUCKET --billing-project ${projectId}`,
        `gcloud storage buckets update ${bucket} --no-requester-pays   (run by its owner)`,
      ],
    }
  },
}

/** BigQuery's words for files that it may not list, in a bucket (cal-itp/data-infra#4131) or in Drive (dbt-labs/dbt-core#502). */
const GLOBBING = /Permission denied while globbing file pattern/i

/** Who queries an external table must be allowed to read its files (https://cloud.google.com/bigquery/docs/query-cloud-storage-data#required-roles). */
const externalFiles: KnownRefusal = {
  matches: ({ message }) => GLOBBING.test(message) && message.includes('gs://'),
  explain(error) {
    const bucket = /gs:\/\/[^\s:,/]+/.exec(error.message)?.[0]
    const email = /\S+@\S+?(?=\.? does not have)/.exec(error.message)?.[0] ?? 'EMAIL'
    const member = `${email.endsWith('.gserviceaccount.com') ? 'serviceAccount' : 'user'}:${email}`
    return {
      message: `The rows of the table are in files of ${bucket}, which these credentials may not read: ${text(error)}`,
      suggestions: [
        `gcloud storage buckets add-iam-policy-binding ${bucket} --member ${member} --role roles/storage.objectViewer`,
      ],
    }
  },
}

/** A file of an external table that is damaged. */
const externalData: KnownRefusal = {
  matches: ({ message }) => message.startsWith('Error while reading table: '),
  explain(error) {
    const path = /: ([^,\s]+), error message/.exec(error.message)?.[1]
    const table = path === undefined ? 'PROJECT:DATASET.TABLE' : bqTable(path)
    return {
      message: `BigQuery cannot read the files that have the rows of the table: ${text(error)}`,
      suggestions: [`bq show --format=prettyjson ${table}   (shows its files, and how they are read)`],
    }
  },
}

/**
 * A table over a file in Google Drive needs credentials with Drive's scope, which no role gives
 * (https://cloud.google.com/bigquery/docs/external-data-drive#enable-google-drive, googleapis/python-bigquery#1392,
 * googleapis/google-auth-library-python#1889, gcpug/nouhau#89).
 */
const driveScope: KnownRefusal = {
  matches: ({ message }) =>
    /getting Drive credentials|OAuth token with Google Drive scope/i.test(message) ||
    (GLOBBING.test(message) && !message.includes('gs://')),
  explain: (error, projectId) => ({
    message: `The table is over a file in Google Drive, which these credentials may not read: ${text(error)}. Sign in with Drive's scope and share the file with that account, or copy the table`,
    suggestions: [
      'gcloud auth application-default login --scopes=https://www.googleapis.com/auth/drive,https://www.googleapis.com/auth/cloud-platform',
      'gcloud auth login --enable-gdrive-access --update-adc   (if Google blocks that sign-in)',
      `bq query --project_id=${projectId} --use_legacy_sql=false 'CREATE TABLE \`${projectId}.DATASET.COPY\` AS SELECT * FROM \`TABLE\`'   (then --table ${projectId}.DATASET.COPY)`,
    ],
  }),
}

/**
 * Reasons and words of a project without billing: of all APIs (google/api/error_reason.proto), BigQuery, whose sandbox has
 * neither streaming nor DML (https://cloud.google.com/bigquery/docs/sandbox#limits), Service Usage (kyegomez/zeta#71) and
 * Cloud Storage (GoogleCloudPlatform/cloud-run-mcp#151).
 */
const BILLING_REASONS = ['BILLING_DISABLED', 'UREQ_PROJECT_BILLING_NOT_FOUND', 'billingNotEnabled', 'accountDisabled']
const BILLING_WORDS =
  /not allowed in the free tier|billing has not been enabled|has billing disabled|billing account for the owning project is/i

/** Whether a call was refused because its project has no billing, or because Google does not know of it yet. */
export function isBillingRefusal({ reason = '', message }: CloudError): boolean {
  return BILLING_REASONS.includes(reason) || BILLING_WORDS.test(message)
}

const noBilling: KnownRefusal = {
  matches: isBillingRefusal,
  explain: (error, projectId) => ({
    message: `Project ${projectId} has no billing: ${text(error)}`,
    suggestions: [`gcloud billing projects link ${projectId} --billing-account ACCOUNT_ID`],
  }),
}

/**
 * https://cloud.google.com/resource-manager/docs/organization-policy/overview; the reasons are in
 * google/api/error_reason.proto.
 */
const organizationPolicy: KnownRefusal = {
  matches: ({ reason, message }) =>
    /^(LOCATION_ORG_POLICY_VIOLATED|ORG_RESTRICTION_VIOLATION|RESOURCE_USAGE_RESTRICTION_VIOLATED|CUSTOM_ORG_POLICY_VIOLATION)$/.test(
      reason ?? '',
    ) || /\bconstraints\/[\w.]+|\borg(anization)? polic/i.test(message),
  explain(error, projectId) {
    const constraint = /\bconstraints\/([\w.]+\w)/.exec(error.message)?.[1]
    return {
      message: `A policy of your organization forbids this call: ${text(error)}. An administrator of the organization can allow it`,
      suggestions: [
        constraint === undefined
          ? `gcloud org-policies list --project ${projectId}`
          : `gcloud org-policies describe ${constraint} --effective --project ${projectId}`,
      ],
    }
  },
}

/** google/api/error_reason.proto, CONSUMER_SUSPENDED and GCP_SUSPENDED. */
const suspended: KnownRefusal = {
  matches: ({ reason }) => reason === 'CONSUMER_SUSPENDED' || reason === 'GCP_SUSPENDED',
  explain: (error, projectId) => ({
    message: `Project ${projectId}, or its organization, is suspended: ${text(error)}`,
    suggestions: [`https://console.cloud.google.com/home/dashboard?project=${projectId}   (says why)`],
  }),
}

/** https://cloud.google.com/docs/authentication/troubleshoot-adc#access_token_scope_insufficient */
const missingScope: KnownRefusal = {
  matches: ({ reason, message }) =>
    reason === 'ACCESS_TOKEN_SCOPE_INSUFFICIENT' || /insufficient authentication scopes/i.test(message),
  explain: (error) => ({
    message: `This machine's credentials are limited to some APIs: ${text(error)}. They need the scope https://www.googleapis.com/auth/cloud-platform`,
    suggestions: [
      'gcloud auth application-default login   (asks for that scope)',
      'gcloud compute instances set-service-account INSTANCE --scopes cloud-platform   (on a VM, after it is stopped)',
    ],
  }),
}

/** Query results without a table of their own have at most 10 GB (https://cloud.google.com/bigquery/quotas#query_jobs). */
const tooLarge: KnownRefusal = {
  matches: ({ reason }) =>
    reason === 'responseTooLarge' || reason === 'resourcesExceeded' || reason === 'billingTierLimitExceeded',
  explain: (error) => ({
    message: `The query is too large for BigQuery: ${text(error)}`,
    suggestions: ['Run the same command with --limit N, --sample N or a narrower --where'],
  }),
}

const quota: KnownRefusal = {
  matches: ({ reason, status }) => status === 'RESOURCE_EXHAUSTED' && reason === 'quotaExceeded',
  explain: (error, projectId) => ({
    message: `A quota of project ${projectId} is used up: ${text(error)}`,
    suggestions: [
      'Try again after 10 minutes; nothing is done twice',
      `https://console.cloud.google.com/iam-admin/quotas?project=${projectId}`,
    ],
  }),
}

const REFUSALS: readonly KnownRefusal[] = [
  serviceControls,
  encryptionKey,
  encryptionRequired,
  requesterPays,
  externalFiles,
  externalData,
  driveScope,
  noBilling,
  organizationPolicy,
  suspended,
  missingScope,
  tooLarge,
  quota,
]

/** Returns the error for a refusal that granting a role would not lift, or undefined for any other failure. */
export function knownRefusal(error: CloudError, place: Pick<DeploymentRef, 'projectId'>): ImageryError | undefined {
  const known = REFUSALS.find((refusal) => refusal.matches(error))
  if (!known) return undefined
  const { message, suggestions } = known.explain(error, place.projectId)
  const isAccess = error.status === 'PERMISSION_DENIED' || known === requesterPays
  return new ImageryError(isAccess ? 'ACCESS_DENIED' : 'CLOUD_ERROR', message, { suggestions, cause: error })
}
