/**
 * The services that a call uses, by the beginning of its method's name; the longest that fits
 * counts. A call goes through when the project has all of them enabled
 * (https://cloud.google.com/apis/docs/getting-started#enabling_apis).
 */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  'aiplatform.': ['aiplatform.googleapis.com'],
  'artifactregistry.': ['artifactregistry.googleapis.com'],
  'bigquery.': ['bigquery.googleapis.com'],
  'cloudbilling.': ['cloudbilling.googleapis.com'],
  'cloudbuild.': ['cloudbuild.googleapis.com'],
  'cloudresourcemanager.': ['cloudresourcemanager.googleapis.com'],
  'google.cloud.run.': ['run.googleapis.com'],
  // Cloud Run hands the build on.
  'google.cloud.run.v2.Builds/': ['run.googleapis.com', 'cloudbuild.googleapis.com'],
  'google.cloud.tasks.': ['cloudtasks.googleapis.com'],
  'google.pubsub.': ['pubsub.googleapis.com'],
  'iam.': ['iam.googleapis.com'],
  'iamcredentials.': ['iamcredentials.googleapis.com'],
  'orgpolicy.': ['orgpolicy.googleapis.com'],
  'run.': ['run.googleapis.com'],
  'serviceusage.': ['serviceusage.googleapis.com'],
  'storage.': ['storage.googleapis.com'],
  'sts.': ['sts.googleapis.com'],
}

const PREFIXES = Object.keys(SERVICES).toSorted((a, b) => b.length - a.length)

/** Called for every API call; there are only a few kinds. */
const known = new Map<string, readonly string[]>()

/**
 * The services that a method uses; none for what belongs to no service, such as reading an operation,
 * and for what is not emulated (`aiplatform.unknown`), which may be another API's path.
 */
export function servicesOf(method: string): readonly string[] {
  let services = known.get(method)
  if (!services) {
    const prefix = method.endsWith('.unknown') ? undefined : PREFIXES.find((candidate) => method.startsWith(candidate))
    services = prefix === undefined ? [] : (SERVICES[prefix] ?? [])
    known.set(method, services)
  }
  return services
}
