import { createHash } from 'node:crypto'
import { isRunId } from './run-id.ts'

/** The label that every labelled resource of a run carries; its value is the run id. */
export const RUN_LABEL = 'imagery-run'

/** Where a deployment lives. */
export interface DeploymentRef {
  projectId: string
  region: string
  /** Tells deployments of one project and region apart; the usual one has none. */
  name?: string | undefined
}

/**
 * The name of a deployment. Service account ids have at most 30 characters
 * (https://cloud.google.com/iam/docs/service-accounts-create), of which `imagery-` and `-runtime` leave 14.
 */
export const DEPLOYMENT_NAME = /^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/

/** What the names of a deployment's services, accounts and image repository begin with. */
export function deploymentPrefix({ name }: Pick<DeploymentRef, 'name'>): string {
  return name === undefined ? 'imagery' : `imagery-${name}`
}

/** The Cloud Run service that does the work. */
export function mainService(place: Pick<DeploymentRef, 'name'>): string {
  return `${deploymentPrefix(place)}-main`
}

/** The Cloud Run service that makes a task of each asset. */
export function populateService(place: Pick<DeploymentRef, 'name'>): string {
  return `${deploymentPrefix(place)}-populate`
}

/**
 * The id shared by a run's topic, subscription and first queue. All three allow letters, digits
 * and hyphens (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues,
 * https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names).
 *
 * @throws RangeError when `runId` is not a run id: no name may ever be derived from anything else
 */
export function runResourceId(runId: string): string {
  if (!isRunId(runId)) throw new RangeError(`not a run id: ${JSON.stringify(runId)}`)
  return `imagery-${runId}`
}

/**
 * A queue of a run: `imagery-<run_id>`, then `imagery-<run_id>-2`, `-3`, …
 *
 * @param index from 0
 */
export function queueName({ projectId, region }: DeploymentRef, runId: string, index = 0): string {
  const id = runResourceId(runId)
  return `projects/${projectId}/locations/${region}/queues/${index === 0 ? id : `${id}-${index + 1}`}`
}

export function topicName({ projectId }: Pick<DeploymentRef, 'projectId'>, runId: string): string {
  return `projects/${projectId}/topics/${runResourceId(runId)}`
}

export function subscriptionName({ projectId }: Pick<DeploymentRef, 'projectId'>, runId: string): string {
  return `projects/${projectId}/subscriptions/${runResourceId(runId)}`
}

/** The deployment's bucket: run specs, staged images, source archives. Bucket names are global, hence the project. */
export function bucketName({ projectId, region, name }: DeploymentRef): string {
  const base = `imagery-${projectId.replaceAll(/[^a-z0-9-]/g, '-')}-${region}`
  // Last, where no project's or region's name can be mistaken for it.
  return name === undefined ? base : `${base}-${name}`
}

export function runSpecPath(runId: string): string {
  return `${runObjectsPrefix(runId)}run.json`
}

/** What a run keeps from before it makes anything until it is recorded. */
export function runStartPath(runId: string): string {
  return `${runObjectsPrefix(runId)}started.json`
}

/** What takes the place of a run's spec while the run is torn down. */
export function runTeardownPath(runId: string): string {
  return `${runObjectsPrefix(runId)}torn-down.json`
}

/** Everything that a run keeps in the bucket lies under this prefix. */
export function runObjectsPrefix(runId: string): string {
  if (!isRunId(runId)) throw new RangeError(`not a run id: ${JSON.stringify(runId)}`)
  return `runs/${runId}/`
}

/** Where the images of a local file or folder are staged for a run. */
export function runImagesPrefix(place: DeploymentRef, runId: string): string {
  return `gs://${bucketName(place)}/${runObjectsPrefix(runId)}images/`
}

/** Where a run keeps the reasons why images of its local file or folder are not in the bucket. */
export function unstagedReasonsPrefix(runId: string): string {
  return `${runObjectsPrefix(runId)}unstaged/`
}

/**
 * Where the reason of one image is. The name is a hash, since the image's path comes from the data and may be any text.
 *
 * @param uri what the snapshot calls the image: under `runImagesPrefix`
 */
export function unstagedReasonPath(runId: string, uri: string): string {
  return `${unstagedReasonsPrefix(runId)}${createHash('sha256').update(uri).digest('hex')}`
}

/** Whom the two services act as. */
export function runtimeAccount(place: Pick<DeploymentRef, 'projectId' | 'name'>): string {
  return accountEmail(place, 'runtime')
}

/** Whom Cloud Tasks, Pub/Sub and the command line call the services as. */
export function invokerAccount(place: Pick<DeploymentRef, 'projectId' | 'name'>): string {
  return accountEmail(place, 'invoker')
}

/** Whom Cloud Build builds the image as. */
export function builderAccount(place: Pick<DeploymentRef, 'projectId' | 'name'>): string {
  return accountEmail(place, 'builder')
}

function accountEmail(
  place: Pick<DeploymentRef, 'projectId' | 'name'>,
  role: 'runtime' | 'invoker' | 'builder',
): string {
  // The project of a domain is written `example.com:project`, its accounts `…@project.example.com.iam…`.
  const [id, domain] = place.projectId.split(':').toReversed()
  return `${deploymentPrefix(place)}-${role}@${id}${domain === undefined ? '' : `.${domain}`}.iam.gserviceaccount.com`
}

/** The Artifact Registry repository of a deployment's images. */
export function repositoryName(place: DeploymentRef): string {
  return `projects/${place.projectId}/locations/${place.region}/repositories/${deploymentPrefix(place)}`
}

/**
 * A run's tables: the snapshot, the ledger, the view of current rows, the loaded copy of a local
 * file (when there is one), and the results that the user asked for.
 */
export interface RunTables {
  projectId: string
  dataset: string
  assets: string
  attempts: string
  live: string
  source: string
  results: string
}

/** The dataset that imagery makes when the user names none: one a BigQuery location, since a query cannot cross locations. */
export function defaultDataset(location: string): string {
  return `imagery_results_${location.toLowerCase().replaceAll('-', '_')}`
}

/**
 * @param output the results table's name, when the user chose one; the scratch tables always carry
 *   the run id, so that two runs with one output never share a ledger
 */
export function runTables(options: {
  projectId: string
  dataset: string
  profile: string
  runId: string
  output?: string | undefined
}): RunTables {
  if (!isRunId(options.runId)) throw new RangeError(`not a run id: ${JSON.stringify(options.runId)}`)
  const id = runIdInNames(options.runId)
  const base = options.output ?? options.profile.replaceAll(/[^A-Za-z0-9_]/g, '_')
  const name = `${base}_${id}`
  return {
    projectId: options.projectId,
    dataset: options.dataset,
    assets: `${name}_assets`,
    attempts: `${name}_attempts`,
    live: `${name}_live`,
    source: `${name}_source`,
    results: options.output ?? name,
  }
}

/** `project.dataset.table`, as shown to people and as named, in backticks, in GoogleSQL. */
export function tablePath(tables: Pick<RunTables, 'projectId' | 'dataset'>, table: string): string {
  return `${tables.projectId}.${tables.dataset}.${table}`
}

/** A run id where BigQuery allows no dash: in names of tables and in job ids. */
export function runIdInNames(runId: string): string {
  return runId.replace('-', '_')
}

/** The id of the job that takes a run's snapshot: BigQuery runs a job id once, so repeating the request reads nothing twice. */
export function snapshotJobId(runId: string): string {
  return `imagery_${runIdInNames(runId)}_snapshot`
}
