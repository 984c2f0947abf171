import { builderAccount, invokerAccount, runtimeAccount, type DeploymentRef } from './names.ts'

/** A service account of a deployment. */
export type DeploymentAccount = 'runtime' | 'invoker' | 'builder'

/** Who gets a role: one of the deployment's accounts, Vertex AI's own, the deploying user, or the user who starts runs. */
export type Grantee = DeploymentAccount | 'vertex agent' | 'deployer' | 'runner'

/** The resource that a role is granted on, as narrow as Google allows. */
export type GrantedOn =
  | 'project'
  | 'bucket'
  | 'services'
  | 'results dataset'
  | 'source table'
  | 'account runtime'
  | 'account invoker'
  | 'account builder'

export interface Grant {
  to: Grantee
  role: string
  on: GrantedOn
  /** Purpose, in a few words. */
  why: string
  /** The role's permissions that imagery uses, in the order in which imagery needs them. */
  permissions: readonly string[]
  /** Who grants it: `deploy` and `run` themselves, or `you` before the first deploy or run. */
  by: 'deploy' | 'run' | 'you'
  /** `people`: needed only with a person's credentials, whose calls count against the project. */
  for?: 'people'
  /** Set if imagery itself works without it. */
  isOptional?: true
}

/**
 * Who needs which role, on which resource, and why. Deploy grants roles from this table, doctor checks
 * it, errors name roles from it, and docs/deploy.md and the tests are generated from it.
 *
 * Roles and their permissions: https://cloud.google.com/iam/docs/roles-permissions. Reasons: deploying
 * from source needs Cloud Run Source Developer beside Cloud Run Admin, which has no build permission
 * (https://cloud.google.com/run/docs/configuring/services/build-service-account); the creator of a task
 * or a push subscription with an identity token needs permission to act as that account
 * (https://cloud.google.com/tasks/docs/creating-http-target-tasks#sa,
 * https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions). Since April 2021 the service
 * agents of Cloud Tasks and Pub/Sub need no grant to create those tokens.
 */
export const GRANTS: readonly Grant[] = [
  {
    to: 'deployer',
    role: 'roles/serviceusage.serviceUsageAdmin',
    on: 'project',
    why: "enables the APIs that are disabled, creates Vertex AI's service agent, and counts calls with a person's credentials against this project",
    permissions: [
      'serviceusage.services.enable',
      'serviceusage.services.get',
      'serviceusage.operations.get',
      'serviceusage.services.use',
    ],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/artifactregistry.admin',
    on: 'project',
    why: 'creates the image repository with its cleanup policy, and finds an image that is already built; teardown deletes it',
    permissions: [
      'artifactregistry.repositories.create',
      'artifactregistry.repositories.get',
      'artifactregistry.repositories.update',
      'artifactregistry.tags.get',
      'artifactregistry.repositories.delete',
    ],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/storage.admin',
    on: 'project',
    why: 'creates the bucket, sets its access policy, uploads the source archive',
    permissions: [
      'storage.buckets.create',
      'storage.buckets.get',
      'storage.buckets.update',
      'storage.buckets.getIamPolicy',
      'storage.buckets.setIamPolicy',
      'storage.objects.create',
      'storage.objects.get',
      'storage.objects.list',
      'storage.buckets.list',
      'storage.buckets.delete',
    ],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/iam.serviceAccountAdmin',
    on: 'project',
    why: 'creates the service accounts and sets who may act as them',
    permissions: [
      'iam.serviceAccounts.create',
      'iam.serviceAccounts.get',
      'iam.serviceAccounts.getIamPolicy',
      'iam.serviceAccounts.setIamPolicy',
      'iam.serviceAccounts.delete',
    ],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/resourcemanager.projectIamAdmin',
    on: 'project',
    why: 'grants the service accounts their roles in the project',
    permissions: ['resourcemanager.projects.getIamPolicy', 'resourcemanager.projects.setIamPolicy'],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/run.sourceDeveloper',
    on: 'project',
    why: 'starts the image build, unless one is in progress, and polls it',
    permissions: ['cloudbuild.builds.list', 'cloudbuild.builds.create', 'cloudbuild.builds.get'],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/run.admin',
    on: 'project',
    why: 'creates the two services and sets who may call them',
    permissions: [
      'run.services.create',
      'run.services.get',
      'run.services.update',
      'run.operations.get',
      'run.services.getIamPolicy',
      'run.services.setIamPolicy',
      'run.routes.invoke',
      'run.services.delete',
    ],
    by: 'you',
  },
  {
    to: 'deployer',
    role: 'roles/iam.serviceAccountUser',
    on: 'account builder',
    why: 'runs the build as this account',
    permissions: ['iam.serviceAccounts.actAs'],
    by: 'deploy',
  },
  {
    to: 'deployer',
    role: 'roles/iam.serviceAccountUser',
    on: 'account runtime',
    why: 'runs the services as this account',
    permissions: ['iam.serviceAccounts.actAs'],
    by: 'deploy',
  },
  {
    to: 'deployer',
    role: 'roles/iam.serviceAccountOpenIdTokenCreator',
    on: 'account invoker',
    why: 'calls the services as this account to check that they answer',
    permissions: ['iam.serviceAccounts.getOpenIdToken'],
    by: 'deploy',
  },
  {
    to: 'builder',
    role: 'roles/run.builder',
    on: 'project',
    why: 'reads the source archive, pushes the image, writes the build log',
    permissions: [
      'storage.objects.get',
      'artifactregistry.repositories.uploadArtifacts',
      'artifactregistry.repositories.downloadArtifacts',
      'logging.logEntries.create',
    ],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/bigquery.jobUser',
    on: 'project',
    why: 'queries the ledger',
    permissions: ['bigquery.jobs.create'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/aiplatform.user',
    on: 'project',
    why: 'calls Gemini',
    permissions: ['aiplatform.endpoints.predict'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/cloudtasks.queueAdmin',
    on: 'project',
    why: "creates, adapts and deletes a run's queues",
    permissions: [
      'cloudtasks.queues.create',
      'cloudtasks.queues.get',
      'cloudtasks.queues.list',
      'cloudtasks.queues.update',
      'cloudtasks.queues.pause',
      'cloudtasks.queues.resume',
      'cloudtasks.queues.delete',
    ],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/cloudtasks.enqueuer',
    on: 'project',
    why: 'creates one task per asset',
    permissions: ['cloudtasks.tasks.create'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/cloudtasks.viewer',
    on: 'project',
    why: "checks that a run's queues are empty before it ends the run",
    permissions: ['cloudtasks.tasks.list'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/pubsub.editor',
    on: 'project',
    why: "publishes the shards of a stalled run, and deletes a finished run's topic and subscription",
    permissions: ['pubsub.topics.publish', 'pubsub.topics.delete', 'pubsub.subscriptions.delete'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/storage.objectUser',
    on: 'bucket',
    why: "reads a run's record and staged images, records its progress and summary",
    permissions: ['storage.objects.get', 'storage.objects.list', 'storage.objects.create', 'storage.objects.delete'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/iam.serviceAccountUser',
    on: 'account invoker',
    why: 'creates tasks that carry a token for this account',
    permissions: ['iam.serviceAccounts.actAs'],
    by: 'deploy',
  },
  {
    to: 'runtime',
    role: 'roles/bigquery.dataEditor',
    on: 'results dataset',
    why: 'reads the snapshot, creates the ledger and writes to it, writes the results',
    permissions: [
      'bigquery.tables.getData',
      'bigquery.tables.create',
      'bigquery.tables.get',
      'bigquery.tables.updateData',
      'bigquery.tables.update',
      'bigquery.tables.delete',
    ],
    by: 'run',
  },
  {
    to: 'invoker',
    role: 'roles/run.invoker',
    on: 'services',
    why: 'lets Cloud Tasks, Pub/Sub and the command line call the services as this account',
    permissions: ['run.routes.invoke'],
    by: 'deploy',
  },
  {
    to: 'vertex agent',
    role: 'roles/storage.objectViewer',
    on: 'bucket',
    why: 'reads the staged images that a request names',
    permissions: ['storage.objects.get'],
    by: 'deploy',
  },
  {
    to: 'deployer',
    role: 'roles/logging.viewer',
    on: 'project',
    why: 'opens the build log that an error points to',
    permissions: ['logging.logEntries.list'],
    by: 'you',
    isOptional: true,
  },
  {
    to: 'runner',
    role: 'roles/serviceusage.serviceUsageConsumer',
    on: 'project',
    why: "counts calls with a person's credentials against this project",
    permissions: ['serviceusage.services.use'],
    by: 'you',
    for: 'people',
  },
  {
    to: 'runner',
    role: 'roles/bigquery.user',
    on: 'project',
    why: 'runs the snapshot query, creates the results dataset',
    permissions: ['bigquery.jobs.create', 'bigquery.datasets.create'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/bigquery.dataViewer',
    on: 'source table',
    why: 'reads the source table once; for a linked dataset, the role is granted on the dataset',
    permissions: ['bigquery.tables.get', 'bigquery.tables.getData'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/bigquery.dataEditor',
    on: 'results dataset',
    why: 'creates the snapshot and the results; not needed in a dataset that the runner creates',
    permissions: [
      'bigquery.tables.create',
      'bigquery.tables.get',
      'bigquery.tables.update',
      'bigquery.tables.updateData',
      'bigquery.tables.getData',
      'bigquery.tables.delete',
    ],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/storage.objectUser',
    on: 'bucket',
    why: "stores the run's record and staged images",
    permissions: ['storage.objects.create', 'storage.objects.get', 'storage.objects.list', 'storage.objects.delete'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/pubsub.editor',
    on: 'project',
    why: "creates and deletes the run's topic and subscription, publishes its shards",
    permissions: ['pubsub.topics.create', 'pubsub.subscriptions.create', 'pubsub.topics.publish'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/cloudtasks.viewer',
    on: 'project',
    why: 'polls the queues',
    permissions: ['cloudtasks.queues.get', 'cloudtasks.queues.list', 'cloudtasks.tasks.list'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/run.viewer',
    on: 'project',
    why: "reads the services' URLs",
    permissions: ['run.services.get'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/iam.serviceAccountUser',
    on: 'account invoker',
    why: 'creates the push subscription that carries a token for this account',
    permissions: ['iam.serviceAccounts.actAs'],
    by: 'you',
  },
  {
    to: 'runner',
    role: 'roles/iam.serviceAccountOpenIdTokenCreator',
    on: 'account invoker',
    why: 'calls imagery-main as this account',
    permissions: ['iam.serviceAccounts.getOpenIdToken'],
    by: 'you',
  },
]

/** The email address of one of a deployment's accounts. */
export function accountOf(place: Pick<DeploymentRef, 'projectId' | 'name'>, account: DeploymentAccount): string {
  const accounts = { runtime: runtimeAccount, invoker: invokerAccount, builder: builderAccount }
  return accounts[account](place)
}

export function grantsTo(to: Grantee, on?: GrantedOn): Grant[] {
  return GRANTS.filter((grant) => grant.to === to && (on === undefined || grant.on === on))
}

/** The role that the actor lacks when this permission is denied. Checks the actor's grants in order. */
export function grantOf(to: Grantee, permission: string): Grant | undefined {
  return grantsTo(to).find((grant) => grant.permissions.some((each) => each.toLowerCase() === permission.toLowerCase()))
}
