import type { Context } from 'hono'
import { GoogleError } from '../../kernel/errors.ts'
import type { WantedPolicy } from './policy.ts'
import { parseJsonObject } from '../../kernel/json-object.ts'

/** The JSON object in the body; an empty body is an empty object. Rejects INVALID_ARGUMENT. */
export async function jsonBody(context: Context): Promise<Record<string, unknown>> {
  return parseJsonObject(
    await context.req.text(),
    () => new GoogleError('INVALID_ARGUMENT', 'Invalid JSON payload received.', { details: [] }),
  )
}

/** Returns a text of the body; undefined when absent. */
export function optionalText(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw new GoogleError('INVALID_ARGUMENT', `Invalid value at '${name}' (TYPE_STRING).`, { details: [] })
}

export function requiredText(body: Record<string, unknown>, name: string): string {
  const value = optionalText(body, name)
  if (value !== undefined && value !== '') return value
  throw new GoogleError('INVALID_ARGUMENT', `The field "${name}" is required.`, { details: [] })
}

/** Returns a list of texts; empty when absent. */
export function textList(body: Record<string, unknown>, name: string): string[] {
  const value = body[name] ?? []
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new GoogleError('INVALID_ARGUMENT', `Invalid value at '${name}' (TYPE_STRING).`, { details: [] })
}

/** The policy in a setIamPolicy request of a JSON API. */
export function wantedPolicy(policy: unknown): WantedPolicy | undefined {
  if (typeof policy !== 'object' || policy === null) return undefined
  const { etag, bindings, auditConfigs } = policy as Record<string, unknown>
  const list = Array.isArray(bindings) ? (bindings as Record<string, unknown>[]) : []
  return {
    etag: typeof etag === 'string' ? etag : '',
    bindings: list.map((binding) => ({
      role: String(binding['role'] ?? ''),
      members: textList(binding, 'members'),
      condition: binding['condition'],
    })),
    ...(Array.isArray(auditConfigs) ? { auditConfigs } : {}),
  }
}
