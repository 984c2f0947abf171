import path from 'node:path'
import type { Authorizer } from '../iam/authorizer.ts'
import { withMemberRenamed } from '../iam/policy.ts'
import type { EmulatedApi, HttpFace, Principal, RpcHandler } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { anyPacker } from '../../kernel/operations.ts'
import type { OperationSource } from '../../kernel/operations.ts'
import { admissionRules } from './admission.ts'
import { Deployments } from './deployments.ts'
import { Fleet } from './fleet.ts'
import type { Images } from './program-files.ts'
import { FrontDoor, type Route } from './front-door.ts'
import { runHandlers } from './handlers.ts'
import { HTTP_RULES } from './http-rules.ts'
import type { RunQuotas } from './instance-quota.ts'
import { knativeFace } from './knative.ts'
import { locationsFace } from '../../kernel/locations.ts'
import { RUN_LOCATIONS } from './locations.ts'
import { MAX_PROCESSES_DEFAULT } from './limits.ts'
import { RUN_NEEDS } from './permissions.ts'
import { RunOperations } from './run-operations.ts'
import { ServiceAdmin } from './service-admin.ts'
import { serviceUri } from './services.ts'
import { RunStore } from './store.ts'
import { cloudRunProtos } from './wire-protos.ts'

export type { FrontDoor } from './front-door.ts'
export { cloudRunProtos } from './wire-protos.ts'

/** The parts of the local cloud's identity that Cloud Run needs. */
export interface RunIdentity {
  /** Returns the owner of an ID token. Rejects with GoogleError when it is not valid for the audience. */
  verifyIdToken(token: string, audience: string): Promise<Principal>
  /** Starts a metadata server for the account; `host` is its `host:port`. */
  serveMetadata(email: string): Promise<{ host: string; stop(): Promise<void> }>
}

export interface CloudRunOptions {
  /** For the store, the unpacked revisions and the logs. */
  directory: string
  clock: Clock
  /** Part of each service's address. */
  projectNumber: string
  quotas: RunQuotas
  identity: RunIdentity
  /** Checks the callers of services, using their policies. */
  access: Authorizer
  /** Reads `gs://bucket/object` or, when a generation was requested, `gs://bucket/object#generation`. */
  readObject: (gsUri: string) => Promise<Buffer>
  /** The images that services can be deployed from. */
  images: Images
  /** What Builds/SubmitBuild does: Cloud Run hands builds to Cloud Build. */
  submitBuild: RpcHandler
  /** Variables that point a program's clients to the local cloud. Read at each start of an instance. */
  environment: () => Record<string, string>
  log: (line: string) => void
  /** Maximum processes of one revision, regardless of its maximum instances. Default: 2. */
  maxProcesses?: number
}

/** The emulated Cloud Run: the Admin API v2, the processes of its services, and their front door. */
export type CloudRunApi = EmulatedApi & {
  operations: OperationSource
  frontDoor: FrontDoor
  /** The emulated part of the Admin API v1. */
  adminV1(operation: Operation): HttpFace[]
}

/** Opens Cloud Run's state; services answer after `start`. */
export async function cloudRunApi(options: CloudRunOptions): Promise<CloudRunApi> {
  const { clock, projectNumber, identity, access, log } = options
  const protos = cloudRunProtos()
  const store = new RunStore(path.join(options.directory, 'run.sqlite'))
  const operations = new RunOperations(store, clock, anyPacker(protos))
  const fleet = new Fleet({
    ...options,
    serveMetadata: (email) => identity.serveMetadata(email),
    maxProcesses: options.maxProcesses ?? MAX_PROCESSES_DEFAULT,
  })

  access.register('service', {
    bindings: (name) => store.service(name)?.policy.bindings ?? [],
    renameMember: (from, to) => {
      for (const stored of store.allServices()) {
        const policy = withMemberRenamed(stored.policy, from, to)
        if (policy !== stored.policy) store.putService({ ...stored, policy })
      }
    },
  })

  const routes = new Map<string, Route>()
  const changed = (name: string): void => {
    const uri = serviceUri(name, projectNumber)
    const stored = store.service(name)
    // A deleted or new service changes the policies too.
    access.policiesChanged()
    if (!stored || stored.service.deleteTime || stored.service.defaultUriDisabled) {
      routes.delete(new URL(uri).host)
      return
    }
    const rules = admissionRules(uri, stored.service, access)
    const isInternal = stored.service.ingress !== 'INGRESS_TRAFFIC_ALL'
    routes.set(new URL(uri).host, { rules, isInternal, backend: () => fleet.serving(name) })
  }

  const deployments = new Deployments({ store, fleet, operations, clock, log, changed })
  const { quotas } = options
  const admin = new ServiceAdmin({ store, fleet, operations, deployments, clock, projectNumber, quotas, changed })
  const frontDoor = new FrontDoor({
    route: (host) => routes.get(host),
    verifyIdToken: (token, audience) => identity.verifyIdToken(token, audience),
    clock,
    log,
  })

  return {
    name: 'run',
    grpc: {
      protos,
      services: runHandlers(admin, store, access, options.submitBuild),
      needs: RUN_NEEDS,
      httpRules: HTTP_RULES,
    },
    operations,
    frontDoor,
    adminV1: (operation) => [knativeFace(store, projectNumber, operation), locationsFace(RUN_LOCATIONS, operation)],
    start: () => deployments.resume(),
    async stop() {
      routes.clear()
      await deployments.stop()
      operations.stop()
      frontDoor.close()
      store.close()
    },
    async describe() {
      return { ...store.counts(), instances: fleet.instanceCount() }
    },
  }
}
