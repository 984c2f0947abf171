import type { Clock } from '../../kernel/clock.ts'
import { diskProblem } from '../../kernel/disk-problem.ts'
import { STATUS_CODES } from '../../kernel/errors.ts'
import { unexpectedError } from '../../kernel/unexpected-error.ts'
import type { Backend, Fleet } from './fleet.ts'
import { shortName } from './resources.ts'
import type { Revision, Service } from './resources.ts'
import { isReady, pinnedRevision, settledRevision } from './revisions.ts'
import type { RunOperations } from './run-operations.ts'
import { failedService, readyService } from './services.ts'
import type { RunStore, StoredOperation } from './store.ts'

export interface DeploymentOptions {
  store: RunStore
  fleet: Fleet
  operations: RunOperations
  clock: Clock
  log: (line: string) => void
  /** Called after each change of a service that is visible to its callers. */
  changed: (service: string) => void
}

/** A deployment cannot succeed, for a reason that the caller can fix. */
class DeploymentFailure extends Error {
  override readonly name = 'DeploymentFailure'
}

/** Runs the operations of the admin API, one at a time per service. */
export class Deployments {
  readonly #options: DeploymentOptions
  readonly #queues = new Map<string, Promise<void>>()
  #isStopping = false

  constructor(options: DeploymentOptions) {
    this.#options = options
  }

  /** Starts an operation when the earlier ones on the same service are done. */
  enqueue(operation: StoredOperation): void {
    const queue = (this.#queues.get(operation.service) ?? Promise.resolve())
      .then(() => this.#carryOut(operation))
      // The next operation of the service must have its turn.
      .catch((error: unknown) => this.#options.log(`${operation.service}: ${unexpectedError(error).message}`))
    this.#queues.set(operation.service, queue)
  }

  /** After a restart: serves the same revisions, lazily, and continues the unfinished operations. */
  async resume(): Promise<void> {
    const { store, fleet } = this.#options
    for (const { service } of store.allServices()) {
      const revision = store.revision(service.trafficStatuses[0]?.revision ?? '')
      if (revision && !service.deleteTime) fleet.activate(service.name, await fleet.launch(service, revision, false))
      this.#options.changed(service.name)
    }
    for (const operation of store.unfinishedOperations()) this.enqueue(operation)
  }

  /** Leaves unfinished operations in the store; the next start continues them. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#options.fleet.stop()
    await Promise.all(this.#queues.values())
  }

  async #carryOut(operation: StoredOperation): Promise<void> {
    if (this.#isStopping) return
    try {
      if (operation.kind === 'delete') await this.#delete(operation)
      else await this.#deploy(operation)
    } catch (error) {
      if (this.#isStopping) return
      // A bug in this program, not in the user's: reports it instead of leaving the operation unfinished.
      const { message } = unexpectedError(error)
      this.#options.log(`${operation.service}: ${message}`)
      this.#options.operations.finish(operation, { error: { code: STATUS_CODES.INTERNAL.grpc, message } })
    }
    this.#options.changed(operation.service)
  }

  async #deploy(operation: StoredOperation): Promise<void> {
    const { store, fleet, operations, clock } = this.#options
    const before = store.service(operation.service)
    if (!before) throw new Error(`no service ${operation.service}`)
    try {
      const created =
        operation.revision === undefined ? undefined : await this.#create(before.service, operation.revision)
      if (this.#isStopping) return
      const latestReady = operation.revision ?? before.service.latestReadyRevision
      const serving = await this.#route(before.service, latestReady, created)
      if (this.#isStopping) return
      // Read again: its policy or its settings may have changed while the instance started.
      const stored = store.service(operation.service) ?? before
      const outcome = { latestReady, serving: serving.revision, isLast: this.#isLast(operation) }
      const service = readyService(stored.service, outcome, clock)
      store.putService({ ...stored, service })
      fleet.activate(operation.service, serving)
      operations.finish(operation, { response: service })
    } catch (error) {
      if (this.#isStopping) return
      this.#fail(operation, error)
    }
  }

  /** Whether this unfinished operation is the service's last one. */
  #isLast(operation: StoredOperation): boolean {
    const unfinished = this.#options.store.unfinishedOperations()
    return unfinished.every(
      ({ name, service }) =>
        service !== operation.service || name === operation.name || this.#options.operations.isDone(name),
    )
  }

  /** Builds and starts a revision that is not ready yet, and records whether it became ready. */
  async #create(service: Service, name: string): Promise<Backend | undefined> {
    const { store, fleet, clock } = this.#options
    let revision = this.#revision(name)
    if (isReady(revision)) return undefined
    try {
      revision = pinnedRevision(revision, (image) => fleet.pinned(image, service.name))
      const backend = await fleet.launch(service, revision, true)
      store.putRevision(settledRevision(revision, undefined, clock))
      return backend
    } catch (error) {
      if (!this.#isStopping) store.putRevision(settledRevision(revision, reason(error), clock))
      throw error
    }
  }

  /** Returns the backend that the service's traffic setting selects. */
  async #route(service: Service, latestReady: string, created: Backend | undefined): Promise<Backend> {
    const { fleet } = this.#options
    const pinned = service.traffic[0]?.revision
    const target = pinned ? `${service.name}/revisions/${shortName(pinned)}` : latestReady
    if (created?.revision === target) return created
    created?.pool.retire()
    if (target === '') throw new DeploymentFailure('the service has no ready revision')
    const revision = this.#revision(target)
    if (!isReady(revision))
      throw new DeploymentFailure(`Revision '${shortName(target)}' is not ready and cannot serve traffic.`)
    const serving = fleet.serving(service.name)
    if (serving?.revision !== target) return fleet.launch(service, revision, true)
    fleet.configure(service, revision)
    return serving
  }

  #revision(name: string): Revision {
    const revision = this.#options.store.revision(name)
    if (!revision) throw new DeploymentFailure(`Revision '${shortName(name)}' was not found.`)
    return revision
  }

  #fail(operation: StoredOperation, error: unknown): void {
    const { store, fleet, operations, clock } = this.#options
    const logs =
      `\n\nLogs URL: ${fleet.logUri(operation.service)}\n` +
      'For more troubleshooting guidance, see https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start'
    const isRevision = operation.revision !== undefined && !(error instanceof DeploymentFailure)
    const message = isRevision
      ? `Revision '${shortName(operation.revision ?? '')}' is not ready and cannot serve traffic. ${reason(error)}${logs}`
      : reason(error)
    const stored = store.service(operation.service)
    if (stored && this.#isLast(operation)) {
      store.putService({ ...stored, service: failedService(stored.service, message, clock) })
    }
    operations.finish(operation, { error: { code: STATUS_CODES.FAILED_PRECONDITION.grpc, message } })
  }

  async #delete(operation: StoredOperation): Promise<void> {
    const { store, fleet, operations } = this.#options
    const stored = store.service(operation.service)
    if (!stored) throw new Error(`no service ${operation.service}`)
    await fleet.remove(operation.service, store.revisionNames(operation.service))
    if (this.#isStopping) return
    store.deleteService(operation.service)
    operations.finish(operation, { response: { ...stored.service, reconciling: false } })
  }
}

function reason(error: unknown): string {
  if (diskProblem(error)) return unexpectedError(error).message
  return error instanceof Error ? error.message : String(error)
}
