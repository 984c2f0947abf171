import { timingSafeEqual } from 'node:crypto'
import { Hono, type Context } from 'hono'
import * as z from 'zod'
import {
  LOCAL_FILES_ENDPOINT,
  localFilesRequest,
  type LocalFile,
  type LocalFilesResponse,
} from '../contract/local-file.ts'
import { localCloudProof } from '../contract/proof.ts'
import type { Unfinished } from './drain.ts'
import type { MetadataServer } from '../apis/identity/index.ts'
import type { EmulatedApi, HttpFace } from '../kernel/api.ts'
import { GoogleError } from '../kernel/errors.ts'
import { parseJson } from '../kernel/json-text.ts'
import type { Faults, FaultState } from '../kernel/faults.ts'
import { errorResponse, knownError, type GatewayControl } from '../kernel/gateway.ts'
import type { ProjectConditions } from '../kernel/project-conditions.ts'
import type { Leases } from './leases.ts'
import type { CallSummary, VertexApi } from '../apis/vertex/index.ts'

export interface AdminOptions {
  /** From the locator file: a client that cannot read it, such as a web page, cannot control the cloud. */
  token: string
  about: { pid: number; projectId: string; region: string; startedAt: string }
  apis: readonly EmulatedApi[]
  calls: Pick<GatewayControl, 'counts'>
  faults: Faults
  conditions: ProjectConditions
  gemini: VertexApi['calls']
  leases: Leases
  /**
   * Returns the metadata server of a service account, which serves a guest user too. Rejects with NOT_FOUND when there
   * is no such account.
   */
  metadataServerOf(email: string, guest?: number): Promise<MetadataServer>
  /** Returns a token with which a user gets access tokens. */
  refreshToken(email: string): string
  /** Adds a project for the operator. */
  addProject(projectId: string): void
  /** Makes a workload identity pool trust an issuer. Returns the provider's full name. Throws GoogleError. */
  putIdentityProvider(pool: string, provider: string, resource: unknown): string
  /** Makes an object of a file of this machine and returns its generation. Rejects with GoogleError. */
  storeLocalFile(request: LocalFile): Promise<string>
  /** `busy` until everything has started; `stopping` after a stop request. */
  state(): 'busy' | 'ready' | 'stopping'
  /** What a stop waits for. */
  unfinished(): Unfinished
  /** Stops when all work in progress has ended, or immediately. */
  shutDown(how: { now: boolean }): void
}

/** https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin */
const PROJECT_ID = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/

/** The response of `/_imagery/state`. */
export interface LocalCloudState {
  pid: number
  projectId: string
  region: string
  startedAt: string
  leases: number
  /** Number of stored resources per API. */
  apis: Record<string, Record<string, number>>
  /** Calls per method since the start. */
  calls: Record<string, number>
  faults: FaultState[]
  /** Calls to Gemini since the start. */
  gemini: CallSummary
}

/**
 * The local cloud's own endpoints, which Google does not have:
 *
 * - `GET /_imagery/health`, `GET /_imagery/state`, `POST /_imagery/shutdown` (with `?now=true` without waiting for calls
 *   in progress), `GET /_imagery/lease`
 * - `GET` and `PUT /_imagery/faults`, `GET` and `PUT /_imagery/conditions` (delays, organization policies, others'
 *   buckets), `GET /_imagery/gemini` (its calls per unit)
 * - `GET /_imagery/account?email=…` (the metadata server to act as that service account; with `user=…`, for another user
 *   of the machine too), `PUT /_imagery/users/EMAIL` (a user's credentials file, with the given `quota_project_id`)
 * - `PUT /_imagery/projects/PROJECT` (another project of the operator's), `PUT
 *   /_imagery/workload-identity-pools/POOL/providers/PROVIDER` (an issuer whose tokens can be exchanged)
 * - `POST /_imagery/objects` (an object with the content of a file of this machine, `contract/local-file.ts`)
 *
 * All need the locator's `adminToken` as a bearer token, except `GET /_imagery/proof?challenge=…`: it shows that the
 * listener knows that token (`contracts/local-cloud-proof.ts`), before a client sends anything else.
 */
export function adminFace(options: AdminOptions): HttpFace {
  const app = new Hono()
  app.onError((error) => errorResponse(error))
  app.get('/_imagery/proof', (context) =>
    context.json({ proof: localCloudProof(options.token, context.req.query('challenge') ?? '') }),
  )
  app.use(async (context, next) => {
    if (!isToken(context.req.header('authorization'), options.token)) {
      throw new GoogleError('PERMISSION_DENIED', 'this endpoint needs the adminToken from the locator file')
    }
    await next()
  })
  app.get('/_imagery/health', (context) => {
    const status = options.state()
    const waitsFor = status === 'stopping' ? { unfinished: options.unfinished() } : {}
    const users = { leases: options.leases.count(), endsWhenIdle: options.leases.endsWhenIdle }
    return context.json({ status, pid: options.about.pid, ...users, ...waitsFor }, status === 'ready' ? 200 : 503)
  })
  app.get('/_imagery/state', async (context) => context.json(await state(options)))
  app.get('/_imagery/faults', (context) => context.json(options.faults.state()))
  app.put('/_imagery/faults', async (context) => {
    try {
      options.faults.replace(parseJson(await context.req.text()))
    } catch (error) {
      throw new GoogleError('INVALID_ARGUMENT', `invalid fault rules: ${explain(error)}`, { cause: error })
    }
    return context.json(options.faults.state())
  })
  app.get('/_imagery/conditions', (context) => context.json(options.conditions.current))
  app.put('/_imagery/conditions', async (context) => {
    const given = await jsonOf(context)
    try {
      options.conditions.replace(given)
    } catch (error) {
      throw new GoogleError('INVALID_ARGUMENT', `invalid conditions: ${explain(error)}`, { cause: error })
    }
    return context.json(options.conditions.current)
  })
  app.get('/_imagery/gemini', (context) =>
    context.json({ summary: options.gemini.summary(), units: options.gemini.units() }),
  )
  app.get('/_imagery/account', async (context) => {
    const { host } = await options.metadataServerOf(context.req.query('email') ?? '', userOf(context.req.query('user')))
    return context.json({ metadataHost: host })
  })
  app.put('/_imagery/projects/:project', (context) => {
    const project = context.req.param('project')
    if (!PROJECT_ID.test(project)) throw new GoogleError('INVALID_ARGUMENT', `invalid project ID: ${project}`)
    options.addProject(project)
    return context.json({ projectId: project })
  })
  app.put('/_imagery/users/:email', async (context) => {
    const email = context.req.param('email')
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw new GoogleError('INVALID_ARGUMENT', `invalid email address: ${email}`)
    const { quota_project_id: quotaProject } = ((await jsonOf(context)) ?? {}) as { quota_project_id?: string }
    // As `gcloud auth application-default login` writes it.
    return context.json({
      account: '',
      client_id: '764086051850.apps.googleusercontent.com',
      client_secret: 'local',
      ...(quotaProject === undefined ? {} : { quota_project_id: quotaProject }),
      refresh_token: options.refreshToken(email),
      type: 'authorized_user',
      universe_domain: 'googleapis.com',
    })
  })
  app.put('/_imagery/workload-identity-pools/:pool/providers/:provider', async (context) => {
    const { pool, provider } = context.req.param()
    return context.json({ name: options.putIdentityProvider(pool, provider, await jsonOf(context)) })
  })
  app.post(LOCAL_FILES_ENDPOINT, async (context) => {
    const request = localFilesRequest.safeParse(await jsonOf(context))
    if (!request.success)
      throw new GoogleError('INVALID_ARGUMENT', `invalid request for files: ${explain(request.error)}`)
    const objects = await Promise.all(
      request.data.files.map((file) =>
        options.storeLocalFile(file).then(
          (generation) => ({ generation }),
          (error: unknown) => fileError(knownError(error)),
        ),
      ),
    )
    return context.json({ objects } satisfies LocalFilesResponse)
  })
  app.get('/_imagery/lease', () => {
    const lease = options.leases.take()
    if (!lease) throw new GoogleError('UNAVAILABLE', 'the local cloud is shutting down')
    return new Response(lease, { headers: { 'content-type': 'text/plain' } })
  })
  app.post('/_imagery/shutdown', (context) => {
    options.shutDown({ now: context.req.query('now') === 'true' })
    return context.json({ status: 'stopping' }, 202)
  })
  app.notFound((context) =>
    errorResponse(
      new GoogleError('NOT_FOUND', `the local cloud has no endpoint ${context.req.method} ${context.req.path}`),
    ),
  )
  return { prefixes: ['/_imagery'], app }
}

function fileError({ http, message }: GoogleError): { error: { code: number; message: string } } {
  return { error: { code: http, message } }
}

/** The ID of another user of the machine who gets access. */
function userOf(given: string | undefined): number | undefined {
  if (given === undefined) return undefined
  const user = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN
  // https://man7.org/linux/man-pages/man2/setresuid.2.html: the highest number means none.
  if (!(user < 0xff_ff_ff_ff)) throw new GoogleError('INVALID_ARGUMENT', `not a numeric user ID: ${given}`)
  return user
}

async function jsonOf(context: Context): Promise<unknown> {
  try {
    return parseJson(await context.req.text())
  } catch (error) {
    throw new GoogleError('INVALID_ARGUMENT', `not JSON: ${explain(error)}`, { cause: error })
  }
}

/** Describes what is wrong with a list of fault rules, in one line. */
export function explain(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error).replaceAll(/\s*\n\s*/g, ' ')
  return error instanceof Error ? error.message : String(error)
}

async function state({ about, leases, apis, calls, faults, gemini }: AdminOptions): Promise<LocalCloudState> {
  const described = await Promise.all(apis.map(async (api) => [api.name, await api.describe()] as const))
  return {
    ...about,
    leases: leases.count(),
    apis: Object.fromEntries(described),
    calls: calls.counts(),
    faults: faults.state(),
    gemini: gemini.summary(),
  }
}

function isToken(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const expected = Buffer.from(`Bearer ${token}`)
  return given.byteLength === expected.byteLength && timingSafeEqual(given, expected)
}
