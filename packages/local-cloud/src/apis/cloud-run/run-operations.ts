import { randomUUID } from 'node:crypto'
import type { Demand } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Operation, OperationSource, PackAny } from '../../kernel/operations.ts'
import { PendingWrites } from '../../kernel/pending-writes.ts'
import { operationNeeds } from './permissions.ts'
import { parseServiceName } from './resources.ts'
import type { Service } from './resources.ts'
import type { RunStore, StoredOperation } from './store.ts'

const SERVICE_TYPE = 'google.cloud.run.v2.Service'

/** Finished operations can be read for a day. Google documents no time; its clients poll for minutes. */
const KEEP_FINISHED_MS = 24 * 60 * 60_000

/** Cloud Run's long-running operations: stored, so that a client finds its operation after a restart. */
export class RunOperations implements OperationSource {
  readonly #store: RunStore
  readonly #clock: Clock
  readonly #pack: PackAny
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #ended: PendingWrites<StoredOperation>

  constructor(store: RunStore, clock: Clock, pack: PackAny) {
    this.#store = store
    this.#clock = clock
    this.#pack = pack
    this.#ended = new PendingWrites(clock, (_, operation) => store.putOperation(operation, clock.now()))
  }

  needs(name: string): readonly Demand[] {
    return operationNeeds(name)
  }

  /** Starts an operation on a service. */
  begin(kind: StoredOperation['kind'], service: string, revision?: string): StoredOperation {
    this.#store.dropOperations(this.#clock.now() - KEEP_FINISHED_MS)
    const operation = { name: operationName(service), service, kind, revision, done: false }
    this.#store.putOperation(operation)
    return operation
  }

  /** Ends an operation with the service's final state, or with an error. */
  finish(
    operation: StoredOperation,
    result: { response: Service } | { error: { code: number; message: string } },
  ): void {
    this.#ended.put(operation.name, { ...operation, ...result, done: true })
    for (const wake of this.#waiting.get(operation.name) ?? []) wake()
  }

  /** Returns the operation of a validate_only call: done, and never stored. */
  validated(service: Service): Operation {
    const packed = this.#pack(SERVICE_TYPE, service)
    return { name: operationName(service.name), metadata: packed, done: true, response: packed }
  }

  owns(name: string): boolean {
    return this.#store.operation(name) !== undefined
  }

  /** Whether the operation has ended, as far as its caller can see. */
  isDone(name: string): boolean {
    return this.#ended.get(name) !== undefined || this.#store.operation(name)?.done === true
  }

  /** Stops ending operations. */
  stop(): void {
    this.#ended.stop()
  }

  get(name: string): Operation | undefined {
    const operation = this.#ended.get(name) ?? this.#store.operation(name)
    return operation && this.wire(operation)
  }

  async wait(name: string, timeoutMs: number): Promise<Operation | undefined> {
    if (this.owns(name) && !this.isDone(name)) {
      await new Promise<void>((resolve) => {
        const waiting = this.#waiting.get(name) ?? new Set()
        const wake = (): void => {
          cancelTimer()
          waiting.delete(wake)
          if (waiting.size === 0) this.#waiting.delete(name)
          resolve()
        }
        const cancelTimer = this.#clock.after(timeoutMs, wake)
        this.#waiting.set(name, waiting.add(wake))
      })
    }
    return this.get(name)
  }

  /** The operation as it goes over the wire; its metadata is the service at the moment. */
  wire(operation: StoredOperation): Operation {
    const { name, done, error, response } = operation
    const service = response ?? this.#store.service(operation.service)?.service
    const metadata = service ? this.#pack(SERVICE_TYPE, service) : null
    return {
      name,
      metadata,
      done,
      ...(error ? { error } : {}),
      ...(response && metadata ? { response: metadata } : {}),
    }
  }
}

function operationName(service: string): string {
  const { project, location } = parseServiceName(service)
  return `projects/${project}/locations/${location}/operations/${randomUUID()}`
}
