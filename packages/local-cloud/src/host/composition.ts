import path from 'node:path'
import { LOCATOR_VARIABLE } from '../contract/locator.ts'
import { artifactRegistryApi } from '../apis/artifact-registry/index.ts'
import { bigQueryResponse } from '../apis/bigquery/failures.ts'
import { bigQueryApi } from '../apis/bigquery/index.ts'
import type { JobLimits } from '../apis/bigquery/limits.ts'
import { billingApi } from '../apis/billing/index.ts'
import { cloudBuildApi } from '../apis/cloud-build/index.ts'
import { Iam, type IamOptions } from '../apis/iam/index.ts'
import type { Identity } from '../apis/identity/index.ts'
import type { DispatchingApi, EmulatedApi, HttpFace } from '../kernel/api.ts'
import type { Clock } from '../kernel/clock.ts'
import { createDeliver, type DeliveryRecord } from '../kernel/deliver.ts'
import type { Faults } from '../kernel/faults.ts'
import { httpOperations, statusResponse, type GatewayControl, type Operation } from '../kernel/gateway.ts'
import type { FrontDoor } from '../kernel/http-server.ts'
import { locationOperationsFace } from '../kernel/location-operations.ts'
import { locationsFace } from '../kernel/locations.ts'
import { need } from '../kernel/needs.ts'
import { operationsFace, type OperationSource } from '../kernel/operations.ts'
import { oauthResponse } from '../kernel/oauth.ts'
import type { ProjectConditions } from '../kernel/project-conditions.ts'
import type { ProjectQuotas } from '../kernel/project-quotas.ts'
import { transcodedFace } from '../kernel/transcoding.ts'
import { InProgress } from '../kernel/in-progress.ts'
import { oauthApi } from '../apis/oauth/index.ts'
import { orgPolicyApi } from '../apis/org-policy/index.ts'
import { pubSubApi } from '../apis/pubsub/index.ts'
import { cloudRunApi, cloudRunProtos } from '../apis/cloud-run/index.ts'
import { serviceUsageApi } from '../apis/service-usage/index.ts'
import type { StopOrder, StopPhase } from './stop-order.ts'
import { storeFailed } from './store-failure.ts'
import { storageApi, type StorageApi } from '../apis/storage/index.ts'
import { stsApi } from '../apis/sts/index.ts'
import { cloudTasksApi, TASKS_LOCATIONS } from '../apis/tasks/index.ts'
import { vertexApi, type VertexApi } from '../apis/vertex/index.ts'

export interface CompositionOptions {
  dataDir: string
  locatorFile: string
  projectId: string
  projectNumber: string
  clock: Clock
  identity: Identity
  iam: Iam
  control: GatewayControl
  faults: Faults
  onDelivery?: (record: DeliveryRecord) => void
  log(line: string): void
  stops: StopOrder
  /** The replacement for Gemini: `replay:FILE`, `script:FILE`, `forward`, or none. */
  gemini: string | undefined
  /** Limits of a BigQuery job that differ from the defaults. */
  jobLimits: Partial<JobLimits>
  /** How old the estimates in the statistics of a Cloud Tasks queue can be. */
  queueStatsAgeMs: number
  /** How long streaming does not know a new BigQuery table. */
  streamingWarmUpMs: number
  /** Whether billing is enabled for the project. */
  hasBilling: boolean
  conditions: ProjectConditions
  quotas: ProjectQuotas
  /** Whether a new data folder starts with every service enabled, and with their agents. */
  allServicesEnabled: boolean
}

export interface Composition {
  /** All APIs, for the listeners and for the state endpoint. */
  apis: readonly EmulatedApi[]
  /** Long-running operations of all APIs, which the listeners serve too. */
  operations: Pick<EmulatedApi, 'grpc' | 'http'>
  /** Other routes of the HTTP listener. */
  faces: readonly HttpFace[]
  frontDoor: FrontDoor
  storeLocalFile: StorageApi['storeLocalFile']
  /** Calls to Gemini. */
  gemini: VertexApi['calls']
  /** Started before any calls arrive, to recover their stored state. */
  stores: readonly EmulatedApi[]
  /** Started when the listeners are up, because their programs call back. */
  services: readonly EmulatedApi[]
  /** Started last: they send work to the services at once. */
  dispatchers: readonly DispatchingApi[]
  /** Deliveries that they sent and that have no response yet. */
  deliveries: InProgress
}

/**
 * Opens every emulated API on its folder and connects them. Each is added to `stops` as soon as it is
 * open. Rejects with the LocalCloudError from `storeFailed`.
 */
export async function openApis(options: CompositionOptions): Promise<Composition> {
  const { clock, conditions, identity, control, faults, stops, projectNumber } = options
  const operation = httpOperations(control.gateway)
  const iam = options.iam.api(operation)
  const access = options.iam.authorizer
  // Last to stop, because the other APIs use it to check their callers.
  stops.add('identity', async () => {
    control.refuse('iam*')
    control.refuse('cloudresourcemanager.*')
    for (const methods of ['oauth2.*', 'sts.*', 'orgpolicy.*']) control.refuse(methods)
    await iam.stop()
  })

  /** Opens one API. When it stops, its callers get UNAVAILABLE. */
  const open = async <Api extends EmulatedApi>(
    name: string,
    phase: StopPhase,
    methods: string,
    factory: (directory: string) => Promise<Api>,
  ): Promise<Api> => {
    const directory = path.join(options.dataDir, name)
    const api = await factory(directory).catch((error: unknown) =>
      Promise.reject(storeFailed(options.dataDir, name, error)),
    )
    stops.add(phase, async () => {
      control.refuse(methods)
      await api.stop()
    })
    return api
  }

  const { projectId, hasBilling } = options
  const project = { operation, projectId, projectNumber, hasBilling: () => hasBilling }
  const { agents } = options.iam
  if (options.allServicesEnabled) agents.create(agents.emailOf('aiplatform.googleapis.com') ?? '')
  const serviceUsage = await open('service-usage', 'stores', 'serviceusage.*', (directory) =>
    serviceUsageApi({
      ...project,
      directory,
      access,
      clock,
      conditions,
      faults,
      allEnabled: options.allServicesEnabled,
      agents,
    }),
  )
  control.require((method, principal, quotaProject) => serviceUsage.checkProject(method, principal, quotaProject))
  const billing = billingApi(project)
  const tokenOperation = httpOperations(control.gateway, oauthResponse)
  const oauth = oauthApi({ operation: tokenOperation, keys: options.iam.keys, tokens: identity })
  const sts = stsApi({ clock, operation: tokenOperation, providers: options.iam.providers, tokens: identity })
  const orgPolicy = orgPolicyApi({ ...project, conditions })
  const artifactRegistry = await open('artifact-registry', 'stores', 'artifactregistry.*', (directory) =>
    artifactRegistryApi({ ...project, directory, clock, faults, access }),
  )
  // Storage first: Cloud Run reads source archives from it, BigQuery the files of load jobs.
  const storage = await open('storage', 'stores', 'storage.*', (directory) =>
    storageApi({ directory, clock, conditions, operation, projectNumber, access }),
  )
  const bigQuery = await open('bigquery', 'stores', 'bigquery.*', (directory) =>
    bigQueryApi({
      directory,
      clock,
      operation: httpOperations(control.gateway, bigQueryResponse),
      access,
      limits: options.jobLimits,
      streamingWarmUpMs: options.streamingWarmUpMs,
      readObject: (uri, principal) => {
        access.check(principal, need('storage.objects.get', objectResource(uri)))
        return storage.readObject(uri)
      },
    }),
  )
  const vertex = await vertexApi({
    clock,
    operation,
    projectId: options.projectId,
    projectNumber,
    gemini: options.gemini,
    agents,
    access,
    agentDelayMs: () => conditions.current.agentsMs,
    peekObject: (uri, bytes) => storage.peekObject(uri, bytes),
    readObject: (uri) => storage.readObject(uri),
  })
  stops.add('services', async () => {
    control.refuse('aiplatform.*')
    await vertex.stop()
  })
  const build = await open('build', 'services', 'cloudbuild.*', (directory) =>
    cloudBuildApi({
      ...project,
      quotas: options.quotas,
      directory,
      clock,
      faults,
      registry: artifactRegistry.registry,
      access: options.iam.authorizer,
      hasAccount: (email) => options.iam.accounts.find(email) !== undefined,
      readObject: (uri) => storage.readObject(uri),
      objectGeneration: (bucket, object) => storage.objectGeneration(bucket, object),
      writeLog: storage.writeServiceObject,
    }),
  )
  // Cloud Run before the dispatchers, which deliver through its front door.
  const run = await open('run', 'services', 'google.cloud.run.*', (directory) =>
    cloudRunApi({
      directory,
      clock,
      projectNumber,
      quotas: options.quotas,
      identity: {
        verifyIdToken: (token, audience) => identity.verifyIdToken(token, audience),
        serveMetadata: (email) => identity.metadata.serve(email),
      },
      access,
      readObject: (uri) => storage.readObject(uri),
      images: artifactRegistry.registry,
      submitBuild: build.submitBuild,
      environment: () => ({
        [LOCATOR_VARIABLE]: options.locatorFile,
        GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: identity.caFile,
      }),
      log: (line) => options.log(line),
    }),
  )
  const deliveries = new InProgress()
  const deliver = createDeliver({
    idToken: (email, audience) => identity.idToken(email, audience),
    frontDoor: run.frontDoor,
    clock,
    faults,
    underWay: deliveries,
    ...(options.onDelivery ? { log: options.onDelivery } : {}),
  })
  const tasks = await open('tasks', 'dispatchers', 'google.cloud.tasks.*', (directory) =>
    cloudTasksApi({ directory, clock, deliver, statsAgeMs: options.queueStatsAgeMs }),
  )
  const pubsub = await open('pubsub', 'dispatchers', 'google.pubsub.*', (directory) =>
    pubSubApi({ directory, clock, deliver, access }),
  )

  const transcoding = httpOperations(control.gateway, statusResponse)
  const transcoded = [
    overHttp(run, transcoding, [run.operations]),
    overHttp(tasks, transcoding, [tasks.operations]),
    overHttp(pubsub, transcoding),
  ]
  return {
    apis: [
      iam,
      oauth,
      sts,
      serviceUsage,
      billing,
      orgPolicy,
      artifactRegistry,
      storage,
      bigQuery,
      vertex,
      build,
      ...transcoded,
    ],
    operations: {
      ...longRunningOperations([run.operations, tasks.operations]),
      http: locationOperationsFace([artifactRegistry.operations, build.operations], operation),
    },
    faces: [...run.adminV1(transcoding), locationsFace(TASKS_LOCATIONS, transcoding)],
    frontDoor: run.frontDoor,
    storeLocalFile: storage.storeLocalFile,
    gemini: vertex.calls,
    stores: [iam, serviceUsage, artifactRegistry, storage, bigQuery],
    services: [build, run],
    dispatchers: [tasks, pubsub],
    deliveries,
  }
}

/** Returns the IAM resource name of `gs://bucket/object`. */
function objectResource(uri: string): string {
  const [, bucket = '', object = ''] = /^gs:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? []
  return `projects/_/buckets/${bucket}/objects/${object}`
}

/** An API of the gRPC listener with its own operations, also served by the HTTP listener. */
function overHttp(api: EmulatedApi, operation: Operation, sources: readonly OperationSource[] = []): EmulatedApi {
  if (!api.grpc) throw new Error(`${api.name} has no gRPC face`)
  const operations = sources.length > 0 ? operationsFace(sources) : { services: {}, needs: {} }
  const face = {
    ...api.grpc,
    services: { ...api.grpc.services, ...operations.services },
    needs: { ...api.grpc.needs, ...operations.needs },
  }
  return { ...api, http: transcodedFace(face, operation) }
}

/** One google.longrunning.Operations service serves all APIs of the port. */
function longRunningOperations(sources: readonly OperationSource[]): Pick<EmulatedApi, 'grpc'> {
  return { grpc: { protos: cloudRunProtos(), ...operationsFace(sources) } }
}

/** Opens IAM on its folder. Throws the LocalCloudError from `storeFailed`. */
export function openIamOfProject(options: Omit<IamOptions, 'directory'> & { dataDir: string }): Iam {
  const directory = path.join(options.dataDir, 'iam')
  try {
    return new Iam({ ...options, directory })
  } catch (error) {
    throw storeFailed(options.dataDir, 'iam', error)
  }
}
