/** A service that a project can use. */
export interface CatalogEntry {
  /** `run.googleapis.com` */
  name: string
  /** As the console and error messages name it. */
  title: string
  /** Whether a project needs a billing account to enable it. */
  needsBilling?: true
}

/**
 * What every new project has enabled
 * (https://cloud.google.com/service-usage/docs/enabled-service#default).
 */
const ENABLED_BY_DEFAULT: readonly CatalogEntry[] = [
  { name: 'analyticshub.googleapis.com', title: 'Analytics Hub API' },
  { name: 'bigquery.googleapis.com', title: 'BigQuery API' },
  { name: 'bigqueryconnection.googleapis.com', title: 'BigQuery Connection API' },
  { name: 'bigquerydatapolicy.googleapis.com', title: 'BigQuery Data Policy API' },
  { name: 'bigquerydatatransfer.googleapis.com', title: 'BigQuery Data Transfer API' },
  { name: 'bigquerymigration.googleapis.com', title: 'BigQuery Migration API' },
  { name: 'bigqueryreservation.googleapis.com', title: 'BigQuery Reservation API' },
  { name: 'bigquerystorage.googleapis.com', title: 'BigQuery Storage API' },
  { name: 'cloudapis.googleapis.com', title: 'Google Cloud APIs' },
  { name: 'cloudtrace.googleapis.com', title: 'Cloud Trace API' },
  { name: 'dataform.googleapis.com', title: 'Dataform API' },
  { name: 'dataplex.googleapis.com', title: 'Cloud Dataplex API' },
  { name: 'datastore.googleapis.com', title: 'Cloud Datastore API' },
  { name: 'logging.googleapis.com', title: 'Cloud Logging API' },
  { name: 'monitoring.googleapis.com', title: 'Cloud Monitoring API' },
  { name: 'servicemanagement.googleapis.com', title: 'Service Management API' },
  { name: 'serviceusage.googleapis.com', title: 'Service Usage API' },
  { name: 'sql-component.googleapis.com', title: 'Cloud SQL' },
  { name: 'storage-api.googleapis.com', title: 'Google Cloud Storage JSON API' },
  { name: 'storage-component.googleapis.com', title: 'Cloud Storage' },
  { name: 'storage.googleapis.com', title: 'Cloud Storage API' },
]

/** What else can be enabled: the other APIs of the local cloud. Google has hundreds. */
const OTHERS: readonly CatalogEntry[] = [
  { name: 'aiplatform.googleapis.com', title: 'Vertex AI API', needsBilling: true },
  { name: 'artifactregistry.googleapis.com', title: 'Artifact Registry API', needsBilling: true },
  { name: 'cloudbilling.googleapis.com', title: 'Cloud Billing API' },
  { name: 'cloudbuild.googleapis.com', title: 'Cloud Build API', needsBilling: true },
  { name: 'cloudresourcemanager.googleapis.com', title: 'Cloud Resource Manager API' },
  { name: 'cloudtasks.googleapis.com', title: 'Cloud Tasks API', needsBilling: true },
  { name: 'iam.googleapis.com', title: 'Identity and Access Management (IAM) API' },
  { name: 'iamcredentials.googleapis.com', title: 'IAM Service Account Credentials API' },
  { name: 'orgpolicy.googleapis.com', title: 'Organization Policy API' },
  { name: 'pubsub.googleapis.com', title: 'Cloud Pub/Sub API' },
  { name: 'run.googleapis.com', title: 'Cloud Run Admin API', needsBilling: true },
  { name: 'sts.googleapis.com', title: 'Security Token Service API' },
]

/** Every service that the local cloud knows of, in the order of names, which is that of listings. */
export const CATALOG: readonly CatalogEntry[] = [...ENABLED_BY_DEFAULT, ...OTHERS].toSorted((a, b) =>
  a.name < b.name ? -1 : 1,
)

export const DEFAULT_SERVICES: readonly string[] = ENABLED_BY_DEFAULT.map(({ name }) => name)

export function catalogEntry(name: string): CatalogEntry | undefined {
  return CATALOG.find((entry) => entry.name === name)
}
