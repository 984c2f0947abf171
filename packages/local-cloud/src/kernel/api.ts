import type { Hono } from 'hono'

/** Who makes a call, as read from its access or identity token. */
export interface Principal {
  /** An e-mail address; of a federated identity `principal://iam.googleapis.com/…/subject/SUBJECT`. */
  email: string
  /** The `principalSet://…` that a federated identity belongs to, by what its own token said. */
  sets?: readonly string[]
}

/** What a gRPC handler may know of the call beside its request. */
export interface CallContext {
  principal: Principal
  /** e.g. `google.cloud.tasks.v2.CloudTasks/CreateTask` */
  method: string
}

/** A request in proto3-loader form (camelCase keys, enums as names, int64 as strings, bytes as Buffers) to a response in the same form. Throws GoogleError. */
// eslint-disable-next-line typescript/no-explicit-any -- the shape is fixed by the proto, which is loaded at run time
export type RpcHandler = (request: any, context: CallContext) => unknown

/**
 * A permission that a call needs, on a resource named as IAM conditions name it
 * (https://cloud.google.com/iam/docs/conditions-resource-attributes#resource-name):
 * `projects/P`, `projects/P/locations/L/services/S`, `projects/P/topics/T`,
 * `projects/P/serviceAccounts/EMAIL`, `projects/P/datasets/D/tables/T`, `projects/_/buckets/B/objects/O`.
 */
export interface Demand {
  permission: string
  resource: string
  /** The API that demands it, when the permission is another's: the refusal takes its words. */
  api?: string
}

/** Whether accounts may do what calls need. */
export interface Access {
  /** Throws GoogleError PERMISSION_DENIED, in Google's words, at the first demand that is not met. */
  check(principal: Principal, demands: readonly Demand[]): void
  has(principal: Principal, demand: Demand): boolean
}

/** A google.api.HttpRule as clients carry it: a path under its HTTP method. */
export interface HttpRule {
  get?: string
  put?: string
  post?: string
  delete?: string
  patch?: string
  /** The request's field that the body is, `*` for the request itself. */
  body?: string
  additional_bindings?: HttpRule | readonly HttpRule[]
}

/**
 * Rules by service and method. Services that many APIs have in common (google.longrunning.Operations,
 * google.iam.v1.IAMPolicy) are annotated with paths that hold for none of them: the API states its own.
 */
export type HttpRules = Readonly<Record<string, Readonly<Record<string, HttpRule>>>>

/** The gRPC face of an API. Methods of the service that have no handler answer UNIMPLEMENTED by name. */
export interface GrpcFace {
  /** The parsed `protos.json` that the official client ships. */
  protos: object
  /** Full service name (`google.cloud.tasks.v2.CloudTasks`) to method name (`CreateTask`) to handler. */
  services: Record<string, Record<string, RpcHandler>>
  /** What a call needs beforehand, by the full name of each method that has a handler (`google.cloud.tasks.v2.CloudTasks/CreateTask`), from its request. */
  // eslint-disable-next-line typescript/no-explicit-any -- as with RpcHandler
  needs: Record<string, (request: any) => readonly Demand[]>
  httpRules?: HttpRules
}

/**
 * The HTTP/JSON face: a hono app that receives every request whose path matches one of `patterns` or,
 * where no pattern does, begins with one of `prefixes`. Several of Google's APIs begin with /v1/projects.
 */
export interface HttpFace {
  prefixes: readonly string[]
  patterns?: readonly RegExp[]
  app: Hono
}

/** One emulated Google API. Every product of the local cloud has this shape. */
export interface EmulatedApi {
  /** `cloudtasks`, `pubsub`, `bigquery`, `storage`, `run`: the host name's first label at Google. */
  name: string
  grpc?: GrpcFace
  http?: HttpFace
  /** Picks up where the stored state left off: pending tasks, unacknowledged messages, running services. */
  start(): Promise<void>
  /** Finishes or abandons work in flight (it is redelivered after the next start) and closes the store. */
  stop(): Promise<void>
  /** Counts for `imagery local status`, e.g. `{queues: 1, tasks: 12}`. */
  describe(): Promise<Record<string, number>>
}

/** An API that sends deliveries by itself. */
export interface DispatchingApi extends EmulatedApi {
  /** Sends nothing more; answers to what was sent still count. */
  hold(): void
  /** Sends again what waits. */
  release(): void
}

/** An HTTP request that Google's infrastructure sends: a task's dispatch, a push delivery. */
export interface Delivery {
  method: string
  url: string
  headers: Record<string, string>
  body: Buffer
  /** The delivery is abandoned, and counts as failed with DEADLINE_EXCEEDED, after this many milliseconds. */
  deadlineMs: number
  /** It comes from outside Google Cloud, as what a person or another machine sends does. */
  isFromInternet?: true
  /** Set when the target wants an OIDC token: the deliverer signs one and adds the Authorization header. */
  oidc?: { serviceAccountEmail: string; audience: string }
}

export interface DeliveryAnswer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/**
 * Sends a delivery: to a local Cloud Run service when the URL is one of its `https://….run.app`
 * addresses (through the service's front door, which checks the token), else over the network.
 * Rejects when nothing answered: connection refused or reset, or the deadline passed.
 *
 * `again` is asked for the same work as it is sent a second time, where the sender counts that;
 * undefined when it is gone.
 */
export type Deliver = (delivery: Delivery, again?: () => Delivery | undefined) => Promise<DeliveryAnswer>
