import { Hono } from 'hono'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { tokenRequest } from '../../kernel/oauth.ts'
import { grantedTokens, tokenInfo, type GrantOptions } from './grants.ts'

export interface RouteOptions extends GrantOptions {
  /** Returns errors in OAuth's format. */
  operation: Operation
}

/** Google's OAuth token endpoint (https://developers.google.com/identity/protocols/oauth2/service-account#httprest). */
export function oauthRoutes(options: RouteOptions): Hono {
  const app = new Hono()
  app.post(
    '/token',
    options.operation(
      'oauth2.token',
      async (context) => {
        const endpoint = `${new URL(context.req.url).origin}/token`
        return Response.json(await grantedTokens(await tokenRequest(context), endpoint, options))
      },
      { needs: NOTHING, isTokenRequest: true },
    ),
  )
  app.post(
    '/tokeninfo',
    options.operation(
      'oauth2.tokeninfo',
      async (context) => Response.json(tokenInfo(await tokenRequest(context), options)),
      { needs: NOTHING, isTokenRequest: true },
    ),
  )
  return app
}
