import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ErrorBody } from '@imagery/viewer/contract/http'

/** An error as the app shows it. */
export interface RequestError {
  status: ContentfulStatusCode
  code: string
  message: string
  suggestions?: readonly string[]
}

/** Answers with an error. It is JSON, which no browser runs. */
export function errorAnswer(context: Context, { status, code, message, suggestions = [] }: RequestError): Response {
  const body: ErrorBody = { error: { code, message, suggestions: [...suggestions] } }
  return context.json(body, status)
}
