import { createHash } from 'node:crypto'
import { isRunId } from './run-id.ts'

/** The label on every labeled resource of a run; its value is the run ID. */
export const RUN_LABEL = 'imagery-run'

/** The location of a deployment. */
export interface DeploymentRef {
  projectId: string
  region: string
  /** Distinguishes deployments in one project and region; the default deployment has no name. */
  name?: string | undefined
}

/**
 * The name of a deployment. Service account ids have at most 30 characters
 * (https://cloud.google.com/iam/docs/service-accounts-create), and `imagery-` and `-runtime` leave 14 of them.
 */
export const DEPLOYMENT_NAME = /^[a-z]([a-z0-9-]{0,12}[a-z0-9])?$/

/** Prefix of the names of a deployment's services, accounts and image repository. */
export function deploymentPrefix({ name }: Pick<DeploymentRef, 'name'>): string {
  return name === undefined ? 'imagery' : `imagery-${name}`
}

/** The Cloud Run service that processes tasks. */
export function mainService(place: Pick<DeploymentRef, 'name'>): string {
  return `${deploymentPrefix(place)}-main`
}

/** The Cloud Run service that creates one task per asset. */
export function populateService(place: Pick<DeploymentRef, 'name'>): string {
  return `${deploymentPrefix(place)}-populate`
}

/**
 * The id shared by a run's topic, subscription and first queue. All three allow letters, digits and
 * hyphens (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues,
 * https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names).
 *
 * @throws RangeError when `runId` is not a run ID: no name is ever derived from anything else
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

/**
 * The control queue of a run: `imagery-<run_id>-control`, then `-control-2`, … It has the run's heartbeats, so the queues
 * of work can be paused without stopping them.
 *
 * @param index from 0
 */
export function controlQueueName({ projectId, region }: DeploymentRef, runId: string, index = 0): string {
  const id = `${runResourceId(runId)}-control`
  return `projects/${projectId}/locations/${region}/queues/${index === 0 ? id : `${id}-${index + 1}`}`
}

export function topicName({ projectId }: Pick<DeploymentRef, 'projectId'>, runId: string): string {
  return `projects/${projectId}/topics/${runResourceId(runId)}`
}

export function subscriptionName({ projectId }: Pick<DeploymentRef, 'projectId'>, runId: string): string {
  return `projects/${projectId}/subscriptions/${runResourceId(runId)}`
}

/**
 * The deployment's bucket: run specs, staged images, source archives. Bucket names are global, so the name includes the
 * project.
 */
export function bucketName({ projectId, region, name }: DeploymentRef): string {
  const base = `imagery-${projectId.replaceAll(/[^a-z0-9-]/g, '-')}-${region}`
  // At the end, where it cannot be mistaken for a project or region.
  return name === undefined ? base : `${base}-${name}`
}

export function runSpecPath(runId: string): string {
  return `${runObjectsPrefix(runId)}run.json`
}

/** The record of a run from before it creates anything until the run itself is recorded. */
export function runStartPath(runId: string): string {
  return `${runObjectsPrefix(runId)}started.json`
}

/** Replaces a run's spec while the run is torn down. */
export function runTeardownPath(runId: string): string {
  return `${runObjectsPrefix(runId)}torn-down.json`
}

/** What answers a run's Gemini calls, if the user has chosen another backend since the run started. */
export function geminiBackendPath(runId: string): string {
  return `${runObjectsPrefix(runId)}gemini-backend`
}

/** The limits of a run that a resume can change. */
export function runControlsPath(runId: string): string {
  return `${runObjectsPrefix(runId)}controls.json`
}

/** Why a run was stopped before its end. */
export function runStopPath(runId: string): string {
  return `${runObjectsPrefix(runId)}stopped.json`
}

/** Which calls are the first of a run. */
export function runFirstCallsPath(runId: string): string {
  return `${runObjectsPrefix(runId)}first-calls.json`
}

/** Whether the message about an event of a run is published. */
export function runNotifiedPath(runId: string, event: string): string {
  return `${runObjectsPrefix(runId)}notified/${event}`
}

/** What a run's last heartbeat found. */
export function heartbeatPath(runId: string): string {
  return `${runObjectsPrefix(runId)}heartbeat.json`
}

/** The report of a run that has ended, written before its resources are deleted. */
export function runSummaryPath(runId: string): string {
  return `${runObjectsPrefix(runId)}summary.json`
}

/** Exists while a command prepares more tasks of a run, so that no heartbeat finishes the run meanwhile. */
export function preparationPath(runId: string): string {
  return `${runObjectsPrefix(runId)}preparing.json`
}

/** What a run carried over from earlier runs. */
export function carriedPath(runId: string): string {
  return `${runObjectsPrefix(runId)}carried.json`
}

/** What the instances of the main service may still spend of a run's `max_cost_usd`. */
export function runBudgetPath(runId: string): string {
  return `${runObjectsPrefix(runId)}budget.json`
}

/** The prefix of the marks that record which generations of a run have begun, for every machine. */
export function generationsPrefix(runId: string): string {
  return `${runObjectsPrefix(runId)}generations/`
}

/** Which run a sample has begun, by the hash of what it asked. No run's own object, because only the hash is known. */
export function samplePath(hash: string): string {
  return `runs/sample-${hash}.json`
}

/** The prefix of all objects of a run in the bucket. */
export function runObjectsPrefix(runId: string): string {
  if (!isRunId(runId)) throw new RangeError(`not a run id: ${JSON.stringify(runId)}`)
  return `runs/${runId}/`
}

/** The prefix under which a run stages the images of a local file or folder. */
export function runImagesPrefix(place: DeploymentRef, runId: string): string {
  return `gs://${bucketName(place)}/${runObjectsPrefix(runId)}images/`
}

/** The prefix under which a run stores the reasons why local images are not in the bucket. */
export function unstagedReasonsPrefix(runId: string): string {
  return `${runObjectsPrefix(runId)}unstaged/`
}

/**
 * The path of one image's reason. The name is a hash, because the image's path comes from the data and can be any text.
 *
 * @param uri what the snapshot calls the image: under `runImagesPrefix`
 */
export function unstagedReasonPath(runId: string, uri: string): string {
  return `${unstagedReasonsPrefix(runId)}${createHash('sha256').update(uri).digest('hex')}`
}

/**
 * The service agent with which Vertex AI reads images in Cloud Storage
 * (https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents).
 */
export function vertexAgent(projectNumber: string): string {
  return `service-${projectNumber}@gcp-sa-aiplatform.iam.gserviceaccount.com`
}

/** The service account that the two services run as. */
export function runtimeAccount(place: Pick<DeploymentRef, 'projectId' | 'name'>): string {
  return accountEmail(place, 'runtime')
}

/** The service account that Cloud Tasks, Pub/Sub and the command line use to call the services. */
export function invokerAccount(place: Pick<DeploymentRef, 'projectId' | 'name'>): string {
  return accountEmail(place, 'invoker')
}

/** The service account that Cloud Build uses to build the image. */
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
 * A run's tables: the snapshot, the ledger, the view of current rows, the loaded copy of a local file
 * (when there is one), and the results table that the user asked for.
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

/**
 * The dataset that imagery creates when the user names none. One per BigQuery location, because a query cannot cross
 * locations.
 */
export function defaultDataset(location: string): string {
  return `imagery_results_${location.toLowerCase().replaceAll('-', '_')}`
}

/**
 * @param output the results table's name, when the user chose one; the scratch tables always contain the
 * run ID, so that two runs with the same output never share a ledger
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

/** The scratch table `<name>_images`: the versions of images, while a run compares them with those of earlier runs. */
export function imagesTable({ assets }: Pick<RunTables, 'assets'>): string {
  return assets.replace(new RegExp(`${SNAPSHOT_ENDING}$`), '_images')
}

/** The end of the name of every ledger. */
export const LEDGER_ENDING = '_attempts'

/** The end of the name of every snapshot. */
export const SNAPSHOT_ENDING = '_assets'

/** `project.dataset.table`, as shown to people and as named, in backticks, in GoogleSQL. */
export function tablePath(tables: Pick<RunTables, 'projectId' | 'dataset'>, table: string): string {
  return `${tables.projectId}.${tables.dataset}.${table}`
}

/** The reverse of `tablePath`. The project of a domain has dots too: `example.com:project`. */
export function tableAt(path: string): Pick<RunTables, 'projectId' | 'dataset'> & { table: string } {
  const [table = '', dataset = '', ...project] = path.split('.').toReversed()
  return { projectId: project.toReversed().join('.'), dataset, table }
}

/** `project:dataset.table`, as the `bq` command writes the table at a path. */
export function bqTable(path: string): string {
  const { projectId, dataset, table } = tableAt(path)
  return `${projectId}:${dataset}.${table}`
}

/** A run id where BigQuery allows no dash: in names of tables and in job ids. */
export function runIdInNames(runId: string): string {
  return runId.replace('-', '_')
}

/**
 * The id of the job that takes a run's snapshot: BigQuery runs a job ID once, so a repeated request reads nothing
 * twice.
 */
export function snapshotJobId(runId: string): string {
  return `imagery_${runIdInNames(runId)}_snapshot`
}

/** The ID of the job that carries a run's earlier answers over: a repeated request carries nothing twice. */
export function carryJobId(runId: string): string {
  return `imagery_${runIdInNames(runId)}_carry`
}
