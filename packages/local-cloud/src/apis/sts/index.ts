import type { EmulatedApi } from '../../kernel/api.ts'
import { stsRoutes, type RouteOptions } from './routes.ts'

/** Google's Security Token Service, for workload identity federation. */
export function stsApi(options: RouteOptions): EmulatedApi {
  return {
    name: 'sts',
    http: { prefixes: ['/v1/token'], app: stsRoutes(options) },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}
