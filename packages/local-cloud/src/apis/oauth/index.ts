import type { EmulatedApi } from '../../kernel/api.ts'
import { oauthRoutes, type RouteOptions } from './routes.ts'

/** Google's OAuth token endpoint, for service accounts and users. */
export function oauthApi(options: RouteOptions): EmulatedApi {
  return {
    name: 'oauth2',
    http: { prefixes: ['/token', '/tokeninfo'], app: oauthRoutes(options) },
    start: async () => undefined,
    stop: async () => undefined,
    describe: async () => ({}),
  }
}
