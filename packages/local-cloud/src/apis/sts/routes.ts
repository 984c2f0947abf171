import { Hono } from 'hono'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import { tokenRequest } from '../../kernel/oauth.ts'
import { exchangedToken, type ExchangeOptions } from './token-exchange.ts'

export interface RouteOptions extends ExchangeOptions {
  /** Returns errors in OAuth's format. */
  operation: Operation
}

/** https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
export function stsRoutes(options: RouteOptions): Hono {
  const app = new Hono()
  app.post(
    '/v1/token',
    options.operation(
      'sts.token',
      async (context) => Response.json(await exchangedToken(await tokenRequest(context), options)),
      { needs: NOTHING, isTokenRequest: true },
    ),
  )
  return app
}
