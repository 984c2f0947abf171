/** The APIs that a deployment needs, and why. A deployment with --image does not need the build APIs. */
export const REQUIRED_SERVICES: readonly { name: string; why: string; forBuilding?: true }[] = [
  { name: 'aiplatform.googleapis.com', why: 'Gemini' },
  { name: 'artifactregistry.googleapis.com', why: 'stores the image', forBuilding: true },
  { name: 'bigquery.googleapis.com', why: 'source, snapshot, ledger, results' },
  { name: 'cloudbuild.googleapis.com', why: 'builds the image', forBuilding: true },
  { name: 'cloudresourcemanager.googleapis.com', why: "the project's roles" },
  { name: 'cloudtasks.googleapis.com', why: 'one task per asset' },
  { name: 'iam.googleapis.com', why: 'service accounts' },
  { name: 'iamcredentials.googleapis.com', why: 'identity tokens' },
  { name: 'logging.googleapis.com', why: 'build and service logs', forBuilding: true },
  { name: 'pubsub.googleapis.com', why: 'shards' },
  { name: 'run.googleapis.com', why: 'the two services' },
  { name: 'storage.googleapis.com', why: 'the bucket' },
]

/**
 * APIs with which a deploy checks a new project, before it creates anything that costs. They are free, and nothing fails
 * without them.
 */
export const CHECKING_SERVICES: readonly { name: string; why: string }[] = [
  { name: 'cloudbilling.googleapis.com', why: 'checks that billing is enabled' },
  { name: 'orgpolicy.googleapis.com', why: "checks the organization's policies" },
]
