import type { Hono } from 'hono'

/** The caller, as read from its access or identity token. */
export interface Principal {
  /** An email address; for a federated identity, `principal://iam.googleapis.com/…/subject/SUBJECT`. */
  email: string
  /** The `principalSet://…` of a federated identity, according to its own token. */
  sets?: readonly string[]
}

/** What a gRPC handler knows about the call besides its request. */
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
  /** The API that requires it, if the permission belongs to another API: the denial uses its message. */
  api?: string
}

/** Checks whether accounts have the permissions that calls need. */
export interface Access {
  /** Throws GoogleError PERMISSION_DENIED, with Google's message, at the first missing permission. */
  check(principal: Principal, demands: readonly Demand[]): void
  has(principal: Principal, demand: Demand): boolean
}

/** A google.api.HttpRule as in the clients' protos: a path under its HTTP method. */
export interface HttpRule {
  get?: string
  put?: string
  post?: string
  delete?: string
  patch?: string
  /** The request field that the body fills, `*` for the whole request. */
  body?: string
  additional_bindings?: HttpRule | readonly HttpRule[]
}

/**
 * Rules by service and method. Services that many APIs have in common (google.longrunning.Operations,
 * google.iam.v1.IAMPolicy) are annotated with paths that none of them uses: the API sets its own.
 */
export type HttpRules = Readonly<Record<string, Readonly<Record<string, HttpRule>>>>

/** The gRPC face of an API. Methods without a handler return UNIMPLEMENTED by name. */
export interface GrpcFace {
  /** The parsed `protos.json` of the official client. */
  protos: object
  /** Full service name (`google.cloud.tasks.v2.CloudTasks`) to method name (`CreateTask`) to handler. */
  services: Record<string, Record<string, RpcHandler>>
  /**
   * The permissions that a call needs, by the full name of each method that has a handler
   * (`google.cloud.tasks.v2.CloudTasks/CreateTask`), from its request.
   */
  // eslint-disable-next-line typescript/no-explicit-any -- as with RpcHandler
  needs: Record<string, (request: any) => readonly Demand[]>
  httpRules?: HttpRules
}

/**
 * The HTTP/JSON face: a hono app that gets every request whose path matches one of `patterns` or, if no
 * pattern matches, starts with one of `prefixes`. Several of Google's APIs start with /v1/projects.
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
  /** Continues from the stored state: pending tasks, unacknowledged messages, running services. */
  start(): Promise<void>
  /** Finishes or abandons work in progress (redelivered after the next start) and closes the store. */
  stop(): Promise<void>
  /** Counts for `imagery local status`, e.g. `{queues: 1, tasks: 12}`. */
  describe(): Promise<Record<string, number>>
}

/** An API that sends deliveries by itself. */
export interface DispatchingApi extends EmulatedApi {
  /** Stops sending. Responses to sent deliveries still count. */
  hold(): void
  /** Resumes sending. */
  release(): void
}

/** An HTTP request that Google's infrastructure sends: a task's dispatch, a push delivery. */
export interface Delivery {
  method: string
  url: string
  headers: Record<string, string>
  body: Buffer
  /** Deadline in milliseconds, after which the delivery fails with DEADLINE_EXCEEDED. */
  deadlineMs: number
  /** The request comes from outside Google Cloud, for example from a person or another machine. */
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
 * addresses (through the service's front door, which checks the token), otherwise over the network.
 * Rejects when there is no response: connection refused or reset, or the deadline passed.
 *
 * `again` returns the same work for a second delivery, if the sender counts deliveries; undefined when
 * the work was deleted.
 */
export type Deliver = (delivery: Delivery, again?: () => Delivery | undefined) => Promise<DeliveryAnswer>
