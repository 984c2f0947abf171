import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Registry } from '../artifact-registry/index.ts'
import type { Access, EmulatedApi, RpcHandler } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { STATUS_CODES } from '../../kernel/errors.ts'
import type { Faults } from '../../kernel/faults.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { LocationOperations } from '../../kernel/location-operations.ts'
import { anyPacker } from '../../kernel/operations.ts'
import type { ProjectQuotas } from '../../kernel/project-quotas.ts'
import type { RestOperation } from '../../kernel/rest-operations.ts'
import type { WriteLog } from './build-log.ts'
import { Builds } from './builds.ts'
import { operationNeeds } from './permissions.ts'
import { isFinished, locationOf, operationName, type Build } from './resources.ts'
import { cloudBuildRoutes } from './routes.ts'
import { BuildStore } from './store.ts'
import { submittedBuild, type SubmitBuildRequest } from './submission.ts'
import { CLOUD_BUILD_PROTOS } from './wire-protos.ts'

export { submitBuildNeeds } from './permissions.ts'
export { CLOUD_BUILD_PROTOS } from './wire-protos.ts'

export interface CloudBuildOptions {
  directory: string
  clock: Clock
  faults: Faults
  operation: Operation
  projectId: string
  projectNumber: string
  registry: Registry
  /** Checks the permissions of builders. */
  access: Pick<Access, 'has'>
  hasAccount: (email: string) => boolean
  readObject: (gsUri: string) => Promise<Buffer>
  /** The generation of the live object; undefined when there is none. */
  objectGeneration: (bucket: string, object: string) => string | undefined
  writeLog: WriteLog
  quotas: Pick<ProjectQuotas, 'buildRegions'>
}

/** Emulated Cloud Build: runs the builds of Cloud Run's Builds/SubmitBuild, and shows their progress. */
export type CloudBuildApi = EmulatedApi & { operations: LocationOperations; submitBuild: RpcHandler }

const TYPE = 'type.googleapis.com/google.devtools.cloudbuild.v1'

export async function cloudBuildApi(options: CloudBuildOptions): Promise<CloudBuildApi> {
  const { directory, projectId, operation } = options
  const store = new BuildStore(path.join(directory, 'builds.sqlite'))
  const builds = new Builds({ ...options, store })
  const pack = anyPacker(CLOUD_BUILD_PROTOS)

  const submitBuild: RpcHandler = (request: SubmitBuildRequest, call) => {
    const logUrl = (id: string): string => pathToFileURL(builds.logFile(id)).href
    const build = submittedBuild(request, call, { ...options, logUrl })
    store.put(build)
    builds.start(build)
    const metadata = pack('google.devtools.cloudbuild.v1.BuildOperationMetadata', { build: packable(build) })
    return { buildOperation: { name: operationName(build, projectId), metadata, done: false }, baseImageUri: '' }
  }

  return {
    name: 'cloudbuild',
    http: {
      prefixes: [],
      patterns: [
        /^\/v1\/projects\/[^/]+\/(?:locations\/[^/]+\/)?builds(?:[/:]|$)/,
        /^\/v1\/operations\/build\/[^/]+\/[^/]+$/,
      ],
      app: cloudBuildRoutes({ builds: store.builds.bind(store), build: (id) => builds.build(id) }, operation),
    },
    operations: {
      method: 'cloudbuild.operations.get',
      needs: operationNeeds,
      // gcloud reads a build's operation by the build's id (deployer.py of google-cloud-sdk).
      get(name) {
        const [, location, id = ''] = /^projects\/[^/]+\/locations\/([^/]+)\/operations\/([^/]+)$/.exec(name) ?? []
        const build = builds.build(id)
        return build && locationOf(build) === location ? restOperation(name, build) : undefined
      },
    },
    submitBuild,
    start: async () => builds.resume(),
    async stop() {
      await builds.stop()
      store.close()
    },
    describe: async () => ({ builds: store.count() }),
  }
}

/** A build's operation in JSON: its metadata is the current build. */
function restOperation(name: string, build: Build): RestOperation {
  const metadata = { '@type': `${TYPE}.BuildOperationMetadata`, build }
  if (!isFinished(build)) return { name, metadata }
  if (build.status === 'SUCCESS')
    return { name, metadata, done: true, response: { '@type': `${TYPE}.Build`, ...build } }
  const code = build.status === 'FAILURE' ? STATUS_CODES.UNKNOWN.grpc : STATUS_CODES.INTERNAL.grpc
  return { name, metadata, done: true, error: { code, message: 'Build failed; check build logs for details' } }
}

/** The build with protobuf timestamps. */
function packable({ createTime, ...build }: Build): object {
  const ms = Date.parse(createTime)
  const { id, name, projectId, status, images, logsBucket, logUrl, tags, serviceAccount } = build
  return {
    id,
    name,
    projectId,
    status,
    images,
    logsBucket,
    logUrl,
    tags,
    serviceAccount,
    createTime: { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1e6 },
  }
}
