import path from 'node:path'
import type { Access, EmulatedApi, Principal } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Faults } from '../../kernel/faults.ts'
import type { Operation } from '../../kernel/gateway.ts'
import type { ProjectConditions } from '../../kernel/project-conditions.ts'
import { projectNumberOf } from '../../kernel/project-number.ts'
import { RestOperations } from '../../kernel/rest-operations.ts'
import { CATALOG, DEFAULT_SERVICES } from './catalog.ts'
import { Arrivals } from './arrivals.ts'
import { checkQuotaProject } from './quota-project.ts'
import { serviceDisabled } from './failures.ts'
import { servicesOf } from './gate.ts'
import { ServiceUsage, type ServiceUsageOptions } from './services.ts'
import { serviceUsageRoutes } from './routes.ts'
import { ServiceStore } from './store.ts'

export interface ServiceUsageApiOptions {
  directory: string
  access: Pick<Access, 'has'>
  clock: Clock
  faults: Faults
  operation: Operation
  projectId: string
  projectNumber: string
  /** Whether the project has billing. */
  hasBilling: () => boolean
  conditions: ProjectConditions
  /** Begins with every service enabled, which no project of Google's does: for tests of other things. */
  allEnabled: boolean
  agents: ServiceUsageOptions['agents']
}

/** Emulated Service Usage v1: which APIs the project uses. */
export type ServiceUsageApi = EmulatedApi & {
  /**
   * Throws GoogleError PERMISSION_DENIED, in Google's words, when the caller may not use the project that the call counts
   * against, or the method's service is not enabled there.
   */
  checkProject(method: string, principal: Principal, quotaProject: string | undefined): void
}

export async function serviceUsageApi(options: ServiceUsageApiOptions): Promise<ServiceUsageApi> {
  const { access, clock, conditions, faults, operation, projectId, projectNumber, hasBilling } = options
  const initially = options.allEnabled ? CATALOG.map(({ name }) => name) : DEFAULT_SERVICES
  const store = new ServiceStore(path.join(options.directory, 'service-usage.sqlite'), initially)
  const arrivals = new Arrivals(clock, () => conditions.current.servicesMs)
  const usage = new ServiceUsage({ store, projectId, projectNumber, hasBilling, arrivals, agents: options.agents })
  const operations = new RestOperations({
    database: store.database,
    clock,
    faults,
    work: {
      'serviceusage.services.enable': (service) => usage.enabled(service),
      'serviceusage.services.batchEnable': (services) => usage.batchEnabled(services),
      'serviceusage.services.disable': (service) => usage.disabled(service),
    },
  })
  return {
    name: 'serviceusage',
    http: {
      prefixes: [],
      patterns: [/^\/v1(?:beta1)?\/projects\/[^/]+\/services(?:[:/]|$)/, /^\/v1\/operations(?!\/build\/)(?:\/|$)/],
      app: serviceUsageRoutes({ usage, operations, operation, projectId, projectNumber }),
    },
    checkProject(method, principal, quotaProject) {
      const consumer = quotaProject ?? projectId
      if (quotaProject !== undefined) checkQuotaProject(access, principal, { method, project: quotaProject })
      const isOwn = consumer === projectId || consumer === projectNumber
      // The local cloud knows of other projects only that they are new.
      const accepts = (service: string): boolean =>
        isOwn ? store.isEnabled(service) && arrivals.has(service) : DEFAULT_SERVICES.includes(service)
      const missing = servicesOf(method).find((service) => !accepts(service))
      if (missing !== undefined) throw serviceDisabled(missing, isOwn ? projectNumber : projectNumberOf(consumer))
    },
    start: async () => operations.resume(),
    stop: async () => {
      operations.stop()
      store.close()
    },
    describe: async () => ({ 'enabled services': store.enabledCount }),
  }
}
