import type { EmulatedApi } from '../../kernel/api.ts'
import { orgPolicyRoutes, type RouteOptions } from './routes.ts'

/** Emulated Organization Policy v2: the effective policies of the local project. */
export function orgPolicyApi(options: RouteOptions): EmulatedApi {
  return {
    name: 'orgpolicy',
    http: {
      prefixes: [],
      patterns: [/^\/v2\/projects\/[^/]+\/(?:policies|constraints)(?:\/|$)/],
      app: orgPolicyRoutes(options),
    },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}
