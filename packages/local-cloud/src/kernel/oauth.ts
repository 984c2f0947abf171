import type { Context } from 'hono'
import { GoogleError } from './errors.ts'
import { parseJson } from './json-text.ts'
import { statusResponse } from './gateway.ts'
import { snakeCase } from './field-names.ts'

/** Codes of https://www.rfc-editor.org/rfc/rfc6749#section-5.2 and https://www.rfc-editor.org/rfc/rfc8693#section-2.2.2 */
export type OAuthErrorCode =
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'unauthorized_client'
  | 'unsupported_grant_type'

/**
 * An error of a token endpoint, which differs from Google's other errors: `{"error": "invalid_grant",
 * "error_description": "…"}`.
 */
export class OAuthError extends GoogleError {
  override readonly name = 'OAuthError'
  readonly error: OAuthErrorCode

  constructor(error: OAuthErrorCode, description: string, options: { http?: number } = {}) {
    super('INVALID_ARGUMENT', description, options)
    this.error = error
  }
}

/** For `httpOperations`: any other error (a disabled API, a scripted fault) gets the usual response. */
export function oauthResponse(error: unknown): Response {
  if (!(error instanceof OAuthError)) return statusResponse(error)
  return Response.json({ error: error.error, error_description: error.message }, { status: error.http })
}

/**
 * The parameters of a token request: a form, as in OAuth, or JSON, for which Google accepts both
 * spellings of names. Rejects with OAuthError invalid_request.
 */
export async function tokenRequest(context: Context): Promise<Readonly<Record<string, string>>> {
  const text = await context.req.text()
  if (!context.req.header('content-type')?.startsWith('application/json')) {
    return Object.fromEntries(new URLSearchParams(text))
  }
  try {
    const entries = Object.entries(parseJson(text) as object).filter(([, value]) => typeof value === 'string')
    return Object.fromEntries(entries.map(([name, value]) => [snakeCase(name), value as string]))
  } catch {
    throw new OAuthError('invalid_request', 'Invalid JSON payload received.')
  }
}
