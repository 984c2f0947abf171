import path from 'node:path'
import type { EmulatedApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Faults } from '../../kernel/faults.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { RestOperations } from '../../kernel/rest-operations.ts'
import { CATALOG, DEFAULT_SERVICES } from './catalog.ts'
import { serviceDisabled } from './failures.ts'
import { servicesOf } from './gate.ts'
import { ServiceUsage } from './services.ts'
import { serviceUsageRoutes } from './routes.ts'
import { ServiceStore } from './store.ts'

export interface ServiceUsageApiOptions {
  directory: string
  clock: Clock
  faults: Faults
  operation: Operation
  projectId: string
  projectNumber: string
  /** Whether the project has billing. */
  hasBilling: () => boolean
  /** Begins with every service enabled, which no project of Google's does: for tests of other things. */
  allEnabled: boolean
}

/** Emulated Service Usage v1: which APIs the project uses. */
export type ServiceUsageApi = EmulatedApi & {
  /** Throws GoogleError PERMISSION_DENIED, in Google's words, when the method's service is not enabled. */
  checkEnabled(method: string): void
}

export async function serviceUsageApi(options: ServiceUsageApiOptions): Promise<ServiceUsageApi> {
  const { clock, faults, operation, projectId, projectNumber, hasBilling } = options
  const initially = options.allEnabled ? CATALOG.map(({ name }) => name) : DEFAULT_SERVICES
  const store = new ServiceStore(path.join(options.directory, 'service-usage.sqlite'), initially)
  const usage = new ServiceUsage({ store, projectNumber, hasBilling })
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
      patterns: [/^\/v1\/projects\/[^/]+\/services(?:[:/]|$)/, /^\/v1\/operations(?!\/build\/)(?:\/|$)/],
      app: serviceUsageRoutes({ usage, operations, operation, projectId, projectNumber }),
    },
    checkEnabled(method) {
      const missing = servicesOf(method).find((service) => !store.isEnabled(service))
      if (missing !== undefined) throw serviceDisabled(missing, projectNumber)
    },
    start: async () => operations.resume(),
    stop: async () => {
      operations.stop()
      store.close()
    },
    describe: async () => ({ 'enabled services': store.enabledCount }),
  }
}
