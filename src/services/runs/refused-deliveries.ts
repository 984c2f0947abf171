import { ImageryError, type ErrorCode } from '../../contracts/errors.ts'
import { invokerAccount, mainService, populateService } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { projectPolicy } from '../../google/admin/resource-manager.ts'
import { describeService, servicePolicy } from '../../google/cloud-run/services.ts'
import type { Policy } from '../../google/rest/policy.ts'
import { isPausedQueue, lastResponses, type TaskResponse } from '../../google/rest/queues.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { pauseQueues } from './pause-queues.ts'

/**
 * Responses that a delivery gets again until someone changes something: Cloud Run's front end refuses the token (401) or
 * its account (403), or has no such service for this caller (404), or the service does not know the task (400). Cloud
 * Tasks reports them as google.rpc codes in `Task.last_attempt.response_status`, in every view
 * (https://cloud.google.com/tasks/docs/reference/rpc/google.cloud.tasks.v2#attempt; the FULL view adds only the body).
 */
const REFUSALS: ReadonlyMap<number, number> = new Map([
  [3, 400],
  [5, 404],
  [7, 403],
  [16, 401],
])

/**
 * How long refusals must go on if no policy explains them: a role takes minutes to apply everywhere
 * (https://cloud.google.com/iam/docs/access-change-propagation).
 */
const SETTLE_MS = { google: 600_000, local: 5_000 }

/** How long a run can be without tasks until the policy of populate is looked at. Pushes usually come within seconds. */
const PUSH_MS = { google: 30_000, local: 1_500 }

/** The same if the project's policy, which could have the role too, cannot be read. Less than the time until a run stalls. */
const UNSURE_PUSH_MS = { google: 300_000, local: 5_000 }

/** Time between two looks at the tasks of a run without new rows. */
const LOOK_MS = { google: 10_000, local: 250 }

export interface RefusedDeliveriesOptions {
  /** The flags that a suggested command needs to work on the same cloud. */
  flags: string
  pace: 'google' | 'local'
  now: () => number
}

/** A run at one look. */
export interface Look {
  /** Whether it has got a row since the last look. */
  hasMoved: boolean
  /** Whether its queues have tasks. */
  hasTasks: boolean
}

/** Notices that no delivery of a run reaches its services, so that the run would go on forever without a row. */
export class RefusedDeliveries {
  readonly #spec: RunSpec
  readonly #options: RefusedDeliveriesOptions
  #quietSinceMs: number
  #refusedSinceMs: number | undefined
  #lookedMs = Number.NEGATIVE_INFINITY

  constructor(spec: RunSpec, options: RefusedDeliveriesOptions) {
    this.#spec = spec
    this.#options = options
    this.#quietSinceMs = options.now()
  }

  /**
   * @param queues the names of the run's queues
   * @throws ImageryError that says what refuses the deliveries, and how to fix it; the queues are then paused
   */
  async look({ hasMoved, hasTasks }: Look, queues: () => Promise<readonly string[]>): Promise<void> {
    const { now, pace } = this.#options
    if (hasMoved) {
      this.#quietSinceMs = now()
      this.#refusedSinceMs = undefined
      return
    }
    if (now() - this.#lookedMs < LOOK_MS[pace]) return
    this.#lookedMs = now()
    const names = await queues()
    if (hasTasks && (await areAllPaused(names))) throw this.#paused()
    const problem = hasTasks ? await this.#refusedTasks(names) : await this.#refusedPushes()
    if (problem === undefined) return
    const { place, run_id: runId } = this.#spec
    const isPaused = await pauseQueues(names, place, runId)
    const paused = isPaused ? 'The queue is paused, and no unit is lost' : 'The queue could not be paused'
    throw new ImageryError(problem.code, `${problem.message}. ${paused}`, {
      suggestions: [problem.fix, `imagery resume ${runId}${this.#options.flags}`],
    })
  }

  /** Another command has paused the queues, because of refused deliveries, or someone has by hand. */
  #paused(): ImageryError {
    const { run_id: runId } = this.#spec
    return new ImageryError('RUN_STALLED', `The queues of run ${runId} are paused, so none of its tasks is sent`, {
      suggestions: [`imagery resume ${runId}${this.#options.flags}   (lets them go on)`],
    })
  }

  async #refusedTasks(queues: readonly string[]): Promise<Problem | undefined> {
    const { now, pace } = this.#options
    const responses = (await Promise.all(queues.map((name) => lastResponses(name)))).flat()
    const http = commonRefusal(responses)
    if (http === undefined) {
      this.#refusedSinceMs = undefined
      return undefined
    }
    this.#refusedSinceMs ??= now()
    const main = mainService(this.#spec.place)
    const what = `Every task of run ${this.#spec.run_id} is refused before ${main} works on it (HTTP ${http})`
    const known = await this.#policyProblem(main)
    if (known && (http === 401 || http === 403)) return { ...known, message: `${what}: ${known.message}` }
    const isOver = now() - this.#refusedSinceMs > SETTLE_MS[pace]
    return isOver || (await this.#isDeleted(main, http)) ? this.#unexplained(http, what) : undefined
  }

  /** Pub/Sub does not say why a push failed, so only the policy can tell. */
  async #refusedPushes(): Promise<Problem | undefined> {
    const { now, pace } = this.#options
    if (now() - this.#quietSinceMs < PUSH_MS[pace]) return undefined
    const populate = populateService(this.#spec.place)
    const known = await this.#policyProblem(populate)
    if (known === undefined) return undefined
    if (!known.isSure && now() - this.#quietSinceMs < UNSURE_PUSH_MS[pace]) return undefined
    return { ...known, message: `Pub/Sub cannot deliver the shards of run ${this.#spec.run_id}: ${known.message}` }
  }

  /**
   * Undefined if the service's policy or the project's may let the invoker call the service, or the caller may not read
   * the service's. The problem is not sure if the caller may not read the project's.
   */
  async #policyProblem(service: string): Promise<(Problem & { isSure: boolean }) | undefined> {
    const { place } = this.#spec
    const account = invokerAccount(place)
    const member = `serviceAccount:${account}`
    const own = await readable(servicePolicy(place, service).read())
    if (own === undefined || mayInvoke(own, member)) return undefined
    const inherited = await readable(projectPolicy(place.projectId).read())
    if (inherited !== undefined && mayInvoke(inherited, member)) return undefined
    return {
      code: 'ACCESS_DENIED',
      message: `${account} lacks roles/run.invoker on the service ${service}`,
      fix: `imagery deploy${this.#options.flags}   (grants it again)`,
      isSure: inherited !== undefined,
    }
  }

  async #isDeleted(service: string, http: number): Promise<boolean> {
    if (http !== 404) return false
    try {
      return (await describeService(this.#spec.place, service)) === undefined
    } catch (error) {
      // A service that cannot be seen may be there.
      if (error instanceof CloudError) return false
      throw error
    }
  }

  #unexplained(http: number, what: string): Problem {
    const { place } = this.#spec
    const deploy = `imagery deploy${this.#options.flags}`
    const invoker = invokerAccount(place)
    switch (http) {
      case 400:
        return {
          code: 'CLOUD_ERROR',
          message: `${what}: the service is from a version of imagery that does not know these tasks`,
          fix: deploy,
        }
      case 401:
        return {
          code: 'ACCESS_DENIED',
          message: `${what}: it does not accept the tokens of ${invoker}. The account was disabled or deleted, or the service has another address since the run started`,
          fix: `${deploy}   (creates the account again), or: gcloud iam service-accounts enable ${invoker} --project ${place.projectId}`,
        }
      case 404:
        return {
          code: 'NOT_AVAILABLE',
          message: `${what}: the service was deleted, or its ingress setting keeps Cloud Tasks out`,
          fix: `${deploy}   (creates the service again, with its ingress setting)`,
        }
      default:
        return {
          code: 'ACCESS_DENIED',
          message: `${what}: ${invoker} may not call it although the policies seem to let it; a condition of its role, a deny policy, VPC Service Controls or the ingress setting can be the reason`,
          fix: `gcloud run services describe ${mainService(place)} --project ${place.projectId} --region ${place.region}   (shows the ingress setting)`,
        }
    }
  }
}

interface Problem {
  code: ErrorCode
  message: string
  fix: string
}

/** Returns the HTTP status if every task that was delivered got a refusal, at least one of them more than once. */
function commonRefusal(responses: readonly TaskResponse[]): number | undefined {
  if (!responses.some(({ deliveries }) => deliveries > 1)) return undefined
  const [first] = responses
  const isCommon = responses.every(({ code }) => REFUSALS.has(code))
  return first && isCommon ? REFUSALS.get(first.code) : undefined
}

/** Whether a run has queues, and all of them are paused. */
export async function areAllPaused(queues: readonly string[]): Promise<boolean> {
  if (queues.length === 0) return false
  return (await Promise.all(queues.map((name) => isPausedQueue(name)))).every(Boolean)
}

/** Google's roles with `run.routes.invoke` (https://cloud.google.com/run/docs/reference/iam/roles). */
const INVOKING_ROLES = new Set([
  'roles/run.invoker',
  'roles/run.servicesInvoker',
  'roles/run.admin',
  'roles/editor',
  'roles/owner',
])

const PUBLIC = ['allUsers', 'allAuthenticatedUsers']

/** Whether a policy may let a member call a service: a custom role can have the permission, and a condition can be met. */
function mayInvoke({ bindings = [] }: Policy, member: string): boolean {
  return bindings.some(
    ({ role, members = [] }) =>
      (INVOKING_ROLES.has(role) || !role.startsWith('roles/')) &&
      [member, ...PUBLIC].some((each) => members.includes(each)),
  )
}

/** An account that only watches a run may not be allowed to read policies. */
async function readable<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  return reading.catch((error: unknown) => {
    if (error instanceof CloudError) return undefined
    throw error
  })
}
