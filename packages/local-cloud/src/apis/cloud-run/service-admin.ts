import type { FieldMask } from '../../kernel/field-mask.ts'
import { timestampOfMs } from '../../kernel/proto-time.ts'
import { EMPTY_POLICY } from '../iam/policy.ts'
import type { CallContext } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { Operation } from '../../kernel/operations.ts'
import type { Deployments } from './deployments.ts'
import type { Fleet } from './fleet.ts'
import { checkInstanceQuota, type RunQuotas } from './instance-quota.ts'
import { PAGE_MAX_SIZE } from './limits.ts'
import { parseLocation, parseServiceName, shortName } from './resources.ts'
import type { Service } from './resources.ts'
import { createdRevision, isNewTemplate, isReady, nextRevisionName } from './revisions.ts'
import type { RunOperations } from './run-operations.ts'
import { checkEtag, createdService, newEtag, serviceUri, updatedService } from './services.ts'
import type { ModelContext } from './services.ts'
import type { RunStore, StoredService } from './store.ts'
import { invalid, validateService, validateServiceId } from './validation.ts'
import { decodePageToken, encodePageToken } from '../../kernel/page-token.ts'

export interface AdminOptions {
  store: RunStore
  fleet: Fleet
  operations: RunOperations
  deployments: Deployments
  clock: Clock
  projectNumber: string
  quotas: RunQuotas
  /** Called after each change of a service that is visible to its callers. */
  changed: (service: string) => void
}

interface CreateRequest {
  parent: string
  serviceId: string
  service: Service | null
  validateOnly: boolean
}

interface UpdateRequest {
  service: Service | null
  updateMask: FieldMask | null
  validateOnly: boolean
  allowMissing: boolean
}

/** google.cloud.run.v2.Services, without its IAM methods. */
export class ServiceAdmin {
  readonly #options: AdminOptions

  constructor(options: AdminOptions) {
    this.#options = options
  }

  /** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create */
  create(request: CreateRequest, call: CallContext): Operation {
    parseLocation(request.parent)
    validateServiceId(request.serviceId)
    if (!request.service?.template) throw invalid('service.template', 'a value is required')
    const name = `${request.parent}/services/${request.serviceId}`
    validateService(request.serviceId, request.service)
    checkInstanceQuota(request.service, this.#options.quotas)
    if (this.#options.store.service(name)) {
      throw new GoogleError('ALREADY_EXISTS', `Resource '${request.serviceId}' already exists.`)
    }
    this.#refuseOtherProject(name)
    const service = createdService(name, request.service, this.#model(call))
    if (request.validateOnly) return this.#options.operations.validated(service)
    return this.#deploy({ service, policy: EMPTY_POLICY }, nextRevisionName(service), call)
  }

  /** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/patch */
  update(request: UpdateRequest, call: CallContext): Operation {
    if (!request.service) throw invalid('service', 'a value is required')
    const { name } = request.service
    const { service: serviceId } = parseServiceName(name)
    const current = this.#options.store.service(name)
    if (!current && request.allowMissing) {
      const [parent = ''] = name.split('/services/')
      return this.create({ parent, serviceId, service: request.service, validateOnly: request.validateOnly }, call)
    }
    if (!current) throw serviceNotFound(name)
    checkEtag(current.service, request.service.etag)
    refuseDeleted(current.service)
    const wanted = withTemplate(request.service, current.service)
    const service = updatedService(current.service, wanted, request.updateMask?.paths ?? [], this.#model(call))
    validateService(serviceId, service)
    checkInstanceQuota(service, this.#options.quotas)
    if (request.validateOnly) return this.#options.operations.validated(service)
    return this.#deploy({ service, policy: current.policy }, this.#revisionOfUpdate(current.service, service), call)
  }

  get(name: string): Service {
    parseServiceName(name)
    const stored = this.#options.store.service(name)
    if (!stored) throw serviceNotFound(name)
    return stored.service
  }

  /** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/list */
  list(request: { parent: string; pageSize: number; pageToken: string }): object {
    parseLocation(request.parent)
    const page = pageOf(request, (afterName, count) =>
      this.#options.store.servicesPage(request.parent, afterName, count),
    )
    return { services: page.items, nextPageToken: page.nextPageToken, unreachable: [] }
  }

  /** https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/delete */
  delete(request: { name: string; etag: string; validateOnly: boolean }, call: CallContext): Operation {
    const { store, operations, deployments } = this.#options
    parseServiceName(request.name)
    const stored = store.service(request.name)
    if (!stored) throw serviceNotFound(request.name)
    checkEtag(stored.service, request.etag)
    refuseDeleted(stored.service)
    const service = {
      ...stored.service,
      deleteTime: timestampOfMs(this.#options.clock.now()),
      lastModifier: call.principal.email,
      reconciling: true,
      etag: newEtag(),
    }
    if (request.validateOnly) return operations.validated(service)
    store.putService({ ...stored, service })
    const operation = operations.begin('delete', request.name)
    this.#options.changed(request.name)
    deployments.enqueue(operation)
    return operations.wire(operation)
  }

  #model(call: CallContext): ModelContext {
    return { clock: this.#options.clock, projectNumber: this.#options.projectNumber, email: call.principal.email }
  }

  #deploy(stored: StoredService, revisionName: string | undefined, call: CallContext): Operation {
    const { store, fleet, operations, deployments, clock } = this.#options
    const { service } = stored
    if (revisionName !== undefined && !store.revision(revisionName)) {
      store.putRevision(createdRevision(revisionName, service, fleet.logUri(service.name), clock))
    }
    store.putService({
      ...stored,
      service: {
        ...service,
        lastModifier: call.principal.email,
        latestCreatedRevision: revisionName ?? service.latestCreatedRevision,
      },
    })
    const operation = operations.begin('deploy', service.name, revisionName)
    this.#options.changed(service.name)
    deployments.enqueue(operation)
    return operations.wire(operation)
  }

  /**
   * Returns a new revision when the template changed, the last one again when it never became ready, otherwise none.
   */
  #revisionOfUpdate(current: Service, service: Service): string | undefined {
    const { store } = this.#options
    if (isNewTemplate(current.template, service.template)) {
      const name = nextRevisionName(service)
      if (!store.revision(name)) return name
      throw new GoogleError(
        'ALREADY_EXISTS',
        `Revision named '${shortName(name)}' with different configuration already exists.`,
      )
    }
    const latest = store.revision(current.latestCreatedRevision)
    return latest && !isReady(latest) ? latest.name : undefined
  }

  /**
   * Addresses contain the project's number, and the local cloud has only one number, so two projects would share
   * addresses.
   */
  #refuseOtherProject(name: string): void {
    const uri = serviceUri(name, this.#options.projectNumber)
    const other = this.#options.store
      .allServices()
      .find(({ service }) => serviceUri(service.name, this.#options.projectNumber) === uri)
    if (other)
      throw notEmulated(`a second project: ${uri} is the address of ${other.service.name}, and a second project`)
  }
}

/** Splits a listing into pages; the token is the last name of the previous page. */
export function pageOf<Item extends { name: string }>(
  request: { pageSize: number; pageToken: string },
  read: (afterName: string, count: number) => Item[],
): { items: Item[]; nextPageToken: string } {
  if (request.pageSize < 0) throw invalid('page_size', 'must not be negative')
  const size = Math.min(request.pageSize || PAGE_MAX_SIZE, PAGE_MAX_SIZE)
  const after = decodePageToken(request.pageToken)
  if (after === undefined) throw invalid('page_token', 'is not a valid page token')
  const items = read(after, size + 1)
  const page = items.slice(0, size)
  const last = items.length > size ? (page.at(-1)?.name ?? '') : ''
  return { items: page, nextPageToken: encodePageToken(last) }
}

export function serviceNotFound(name: string): GoogleError {
  const { project, location, service } = parseServiceName(name)
  return new GoogleError(
    'NOT_FOUND',
    `Resource '${service}' of kind 'SERVICE' in region '${location}' in project '${project}' does not exist.`,
  )
}

/** A mask may leave the template out of the request altogether. */
function withTemplate(wanted: Service, current: Service): Service {
  return wanted.template ? wanted : { ...wanted, template: current.template }
}

function refuseDeleted(service: Service): void {
  if (!service.deleteTime) return
  throw new GoogleError('FAILED_PRECONDITION', `Resource '${shortName(service.name)}' is being deleted.`)
}
