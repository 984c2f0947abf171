import { randomUUID } from 'node:crypto'
import { notEmulated } from '../../kernel/errors.ts'
import { invalidArgument, restError } from '../../kernel/rest-request.ts'
import type { RestOperation, RestOperations } from '../../kernel/rest-operations.ts'
import type { Arrivals } from './arrivals.ts'
import { catalogEntry, CATALOG, type CatalogEntry } from './catalog.ts'
import { anotherActivation, billingMissing, notEnabled, unknownServices } from './failures.ts'
import type { ServiceStore } from './store.ts'

/** How long the local cloud takes to enable or to disable services; Google takes seconds to minutes. */
export const CHANGE_MS = 300

/** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable and batchGet */
const BATCH_ENABLE_MAX = 20
const BATCH_GET_MAX = 30

const TYPE = 'type.googleapis.com/google.api.serviceusage.v1'

/** What enabling what is enabled already answers: nothing to wait for. */
const NOTHING_TO_DO = 'operations/noop.DONE_OPERATION'

export interface ServiceUsageOptions {
  store: ServiceStore
  projectId: string
  projectNumber: string
  hasBilling: () => boolean
  arrivals: Arrivals
  /** IAM's service agents. */
  agents: { emailOf(service: string): string | undefined; create(email: string): { email: string; uniqueId: string } }
}

/** Which services the project uses (https://cloud.google.com/service-usage/docs/reference/rest/v1/services). */
export class ServiceUsage {
  readonly #options: ServiceUsageOptions

  constructor(options: ServiceUsageOptions) {
    this.#options = options
  }

  get(service: string): object {
    const entry = catalogEntry(service)
    if (!entry) throw unknownServices([service])
    return this.#wire(entry)
  }

  batchGet(names: readonly string[], parent: string): object {
    if (names.length > BATCH_GET_MAX) throw invalidArgument(`at most ${BATCH_GET_MAX} names are allowed`)
    const services = names.map((name) => {
      const [, itsParent, service] = /^(projects\/[^/]+)\/services\/([^/]+)$/.exec(name) ?? []
      if (itsParent !== parent || service === undefined) {
        throw invalidArgument(`"${name}" is not the name of a service of ${parent}`)
      }
      return this.get(service)
    })
    return { services }
  }

  /** The services of a listing, in the order of their names. */
  list(filter: string): { name: string; wire: object }[] {
    const state = /^(?:state:(ENABLED|DISABLED))?$/.exec(filter)
    if (!state) throw invalidArgument(`The filter '${filter}' is not one of state:ENABLED and state:DISABLED.`)
    return CATALOG.filter(({ name }) => !state[1] || this.#state(name) === state[1]).map((entry) => ({
      name: entry.name,
      wire: this.#wire(entry),
    }))
  }

  /** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/enable */
  enable(service: string, operations: RestOperations): RestOperation {
    this.#checkEnablable([service])
    if (this.#options.store.isEnabled(service)) {
      return { name: NOTHING_TO_DO, done: true, response: this.enabled(service) }
    }
    return this.#begin(operations, 'serviceusage.services.enable', [service])
  }

  /** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/batchEnable: all of them or none. */
  batchEnable(services: readonly string[], operations: RestOperations): RestOperation {
    if (services.length === 0) throw invalidArgument('service_ids must name at least one service')
    if (services.length > BATCH_ENABLE_MAX) throw invalidArgument(`at most ${BATCH_ENABLE_MAX} service_ids are allowed`)
    this.#checkEnablable(services)
    if (services.every((service) => this.#options.store.isEnabled(service))) {
      return { name: NOTHING_TO_DO, done: true, response: this.batchEnabled(services.join(',')) }
    }
    return this.#begin(operations, 'serviceusage.services.batchEnable', services)
  }

  /** https://cloud.google.com/service-usage/docs/reference/rest/v1/services/disable */
  disable(service: string, operations: RestOperations): RestOperation {
    if (!catalogEntry(service)) throw unknownServices([service])
    if (!this.#options.store.isEnabled(service)) throw notEnabled(service)
    if (service === 'serviceusage.googleapis.com') {
      throw restError('FAILED_PRECONDITION', `The service ${service} cannot be disabled.`)
    }
    return this.#begin(operations, 'serviceusage.services.disable', [service])
  }

  /**
   * Creates the service's agent (https://cloud.google.com/service-usage/docs/reference/rest/v1beta1/services/generateServiceIdentity).
   */
  generateIdentity(service: string): RestOperation {
    if (!catalogEntry(service)) throw unknownServices([service])
    const email = this.#options.agents.emailOf(service)
    if (email === undefined) throw notEmulated(`The service agent of ${service}`)
    const { uniqueId } = this.#options.agents.create(email)
    const response = { '@type': 'type.googleapis.com/google.api.serviceusage.v1beta1.ServiceIdentity', email, uniqueId }
    return { name: 'operations/finished.DONE_OPERATION', done: true, response }
  }

  /** The work of an operation that enables one service. */
  enabled(service: string): object {
    this.#options.store.enable([service])
    this.#options.arrivals.begin([service])
    return { '@type': `${TYPE}.EnableServiceResponse`, service: this.get(service) }
  }

  /** The work of an operation that enables several, their names separated by commas. */
  batchEnabled(services: string): object {
    const names = services.split(',')
    this.#options.arrivals.begin(names.filter((name) => !this.#options.store.isEnabled(name)))
    this.#options.store.enable(names)
    return { '@type': `${TYPE}.BatchEnableServicesResponse`, services: names.map((name) => this.get(name)) }
  }

  /** The work of an operation that disables a service. */
  disabled(service: string): object {
    this.#options.store.disable(service)
    return { '@type': `${TYPE}.DisableServiceResponse`, service: this.get(service) }
  }

  #checkEnablable(services: readonly string[]): void {
    const unknown = services.filter((service) => !catalogEntry(service))
    if (unknown.length > 0) throw unknownServices(unknown)
    const costly = services.filter((service) => catalogEntry(service)?.needsBilling)
    if (costly.length > 0 && !this.#options.hasBilling()) throw billingMissing(costly, this.#options.projectNumber)
  }

  #begin(operations: RestOperations, kind: string, services: readonly string[]): RestOperation {
    const { projectId, projectNumber } = this.#options
    const changing = new Set(operations.unfinished().flatMap((subject) => subject.split(',')))
    const busy = services.filter((service) => changing.has(service))
    if (busy.length > 0) throw anotherActivation(busy, projectId)
    return operations.begin({
      name: `operations/acat.p2-${projectNumber}-${randomUUID()}`,
      kind,
      subject: services.join(','),
      metadata: {
        '@type': `${TYPE}.OperationMetadata`,
        resourceNames: services.map((service) => `projects/${projectNumber}/services/${service}`),
      },
      durationMs: CHANGE_MS,
    })
  }

  #state(service: string): 'ENABLED' | 'DISABLED' {
    return this.#options.store.isEnabled(service) ? 'ENABLED' : 'DISABLED'
  }

  #wire({ name, title }: CatalogEntry): object {
    const parent = `projects/${this.#options.projectNumber}`
    return { name: `${parent}/services/${name}`, config: { name, title }, state: this.#state(name), parent }
  }
}
