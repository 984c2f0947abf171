import type { EmulatedApi } from '../../kernel/api.ts'
import { billingRoutes, type RouteOptions } from './routes.ts'

/** Emulated Cloud Billing v1: whether billing is enabled for the project. */
export function billingApi(options: RouteOptions): EmulatedApi {
  return {
    name: 'cloudbilling',
    http: { prefixes: [], patterns: [/^\/v1\/projects\/[^/]+\/billingInfo$/], app: billingRoutes(options) },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}
