import { Hono } from 'hono'
import type { IdTokens } from './id-tokens.ts'

/** The public keys of ID tokens, at the paths they have on www.googleapis.com. */
export function certificateRoutes(idTokens: IdTokens): Hono {
  const app = new Hono()
  app.get('/oauth2/v3/certs', async (context) => context.json(await idTokens.jsonWebKeySet()))
  app.get('/oauth2/v1/certs', (context) => context.json(idTokens.pemCertificates()))
  return app
}
