import { Hono } from 'hono'
import type protobuf from 'protobufjs'
import type { GrpcFace, HttpFace, RpcHandler } from './api.ts'
import { badRequest, type FieldViolation } from './bad-request.ts'
import { GoogleError, notEmulated } from './errors.ts'
import { parseJson } from './json-text.ts'
import { statusResponse, type Operation } from './gateway.ts'
import { bindingsOf, type Binding } from './http-rules.ts'
import { NOTHING } from './needs.ts'
import { MESSAGE_FORM, protoTypes } from './proto-types.ts'
import { matchPath } from './path-template.ts'
import { readMessage } from './transcoding-read.ts'
import { writeMessage } from './transcoding-write.ts'
import { bindPath, bindQuery, readSystemParameters, type SystemParameters } from './query-parameters.ts'

/**
 * Longer bodies are refused before JSON parsing: Pub/Sub accepts messages of 10 MB, which grow by a third in base64.
 */
const MAX_BODY_BYTES = 20_000_000

type Json = Record<string, unknown>

/** An HTTP request that matched a binding. */
interface Match {
  binding: Binding
  variables: readonly [field: string, value: string][]
}

/** The types and the handler of a binding's method. */
interface Target {
  /** `google.cloud.tasks.v2.CloudTasks/CreateTask`, as in gRPC. */
  name: string
  request: protobuf.Type
  response: protobuf.Type
  handler: RpcHandler
}

/**
 * The HTTP/JSON face of an API that has a gRPC face. Each call is transcoded by the google.api.http
 * annotations of the protos and passed to the handler of the gRPC method, through the same gateway and
 * with the same name (https://github.com/googleapis/googleapis/blob/master/google/api/http.proto).
 *
 * @param operation binds to the gateway and formats errors with `statusResponse`
 */
export function transcodedFace(face: GrpcFace, operation: Operation): HttpFace {
  const bindings = bindingsOf(face)
  const verbs = new Set(bindings.flatMap(({ template }) => template.verb ?? []))
  const app = new Hono()
  app.onError((error) => statusResponse(error))
  app.all('*', async (context) => {
    const { pathname, searchParams } = new URL(context.req.url)
    const match = findBinding(bindings, verbs, context.req.method, pathname)
    if (!match) throw new GoogleError('NOT_FOUND', `The requested URL ${pathname} was not found on this server.`)
    const target = targetOf(protoTypes(face.protos), face, match.binding)
    const body = await context.req.text()
    // Read only after the gateway has accepted and counted the call.
    const call = once(() => readCall(target, match, searchParams, body))
    const needs = face.needs[target.name] ?? NOTHING
    const handle = operation(
      target.name,
      async (_, principal) => {
        const { request, system } = call()
        return answer(target, await target.handler(request, { principal, method: target.name }), system)
      },
      { needs: () => needs(call().request) },
    )
    return (await handle(context, async () => undefined)) as Response
  })
  return { prefixes: [], patterns: bindings.map(wholePath), app }
}

function wholePath({ template: { expression, verb } }: Binding): RegExp {
  return verb === undefined ? expression : new RegExp(`${expression.source.slice(0, -1)}:${verb}$`)
}

function findBinding(
  bindings: readonly Binding[],
  verbs: ReadonlySet<string>,
  httpMethod: string,
  pathname: string,
): Match | undefined {
  const [, path = pathname, verb] = /^(.*):([^/:]+)$/.exec(pathname) ?? []
  // A colon that does not start a verb is part of a name.
  const isVerb = verb !== undefined && verbs.has(verb)
  for (const binding of bindings) {
    if (binding.httpMethod !== httpMethod || binding.template.verb !== (isVerb ? verb : undefined)) continue
    const variables = matchPath(binding.template, isVerb ? path : pathname)
    if (variables) return { binding, variables }
  }
  return undefined
}

function targetOf(root: protobuf.Root, face: GrpcFace, { service, method }: Binding): Target {
  const name = `${service}/${method}`
  const definition = root.lookupService(service).methods[method]
  definition?.resolve()
  const { resolvedRequestType: request, resolvedResponseType: response } = definition ?? {}
  if (!request || !response) throw new Error(`no method ${name} in the protos`)
  const handler = face.services[service]?.[method] ?? (() => Promise.reject(notEmulated(name)))
  return { name, request, response, handler }
}

/** Returns the request in the format that gRPC passes to the handler. Throws GoogleError. */
function readCall(
  { request: type }: Target,
  { binding, variables }: Match,
  query: URLSearchParams,
  body: string,
): { request: unknown; system: SystemParameters } {
  const { system, rest } = readSystemParameters(query)
  const json = jsonOf(binding.body, body)
  bindQuery(type, json, rest)
  for (const [field, value] of variables) bindPath(type, json, field, value)
  const violations: FieldViolation[] = []
  const message = readMessage(type, json, '', violations)
  if (violations.length > 0) throw badRequest(violations)
  const bytes = type.encode(type.fromObject(message as object)).finish()
  return { request: type.toObject(type.decode(bytes), MESSAGE_FORM), system }
}

function jsonOf(field: string | undefined, body: string): Json {
  if (body.length > MAX_BODY_BYTES) {
    const message = `Request payload size exceeds the limit: ${MAX_BODY_BYTES} bytes.`
    throw new GoogleError('INVALID_ARGUMENT', message, { details: [] })
  }
  if (field === undefined || body.trim() === '') return {}
  const parsed = parse(body)
  if (field !== '*') return { [field]: parsed }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Json
  const description = 'Invalid JSON payload received. Unknown name "": Root element must be a message.'
  throw badRequest([{ description }])
}

function parse(body: string): unknown {
  try {
    return parseJson(body)
  } catch (error) {
    throw badRequest([{ description: `Invalid JSON payload received. ${(error as Error).message}` }])
  }
}

/** Converts the handler's response to JSON, through the bytes that gRPC would have sent. */
function answer({ response: type }: Target, given: unknown, system: SystemParameters): Response {
  const bytes = type.encode(type.fromObject(given ?? {})).finish()
  const json = writeMessage(type, type.decode(bytes), system.areEnumsNumbers)
  return new Response(`${JSON.stringify(json, null, system.isPretty ? 2 : 0)}\n`, {
    headers: { 'content-type': 'application/json; charset=UTF-8' },
  })
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => (made ??= { value: make() }).value
}
