import { Hono, type Context } from 'hono'
import { GoogleError } from '../../kernel/errors.ts'
import { parseJson } from '../../kernel/json-text.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { NOTHING } from '../../kernel/needs.ts'
import type { GeminiBehavior, GeminiCall } from './behavior.ts'
import type { CallAccount } from './call-account.ts'
import { notEmulatedByVertex, vertexError } from './failures.ts'
import {
  readCountTokensRequest,
  readGenerationRequest,
  type GenerationRequest,
  type RawRequest,
} from './generation-request.ts'
import type { ImageReader } from './image-reader.ts'
import { MAX_REQUEST_BYTES } from './limits.ts'
import { checkImages, type PeekObject } from './stored-images.ts'
import { PREDICT } from './permissions.ts'
import { promptTokens } from './tokens.ts'

export interface RouteOptions {
  operation: Operation
  projectId: string
  projectNumber: string
  account: CallAccount
  behavior: GeminiBehavior
  peekObject: PeekObject
  reader: ImageReader
}

/** Publisher models (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference). Every request is checked. */
export function vertexRoutes(options: RouteOptions): Hono {
  const { operation, account, behavior, peekObject } = options
  const accept = async (
    context: Context,
    read: (raw: RawRequest) => GenerationRequest,
  ): Promise<Omit<GeminiCall, 'unit' | 'nth'>> => {
    try {
      checkModelProject(context, options)
      const { raw, body } = await readRaw(context)
      const request = read(raw)
      checkImages(request.images, peekObject, options.reader)
      const { apiVersion = 'v1' } = context.req.param()
      return { request, body, apiVersion, headers: context.req.header(), signal: context.req.raw.signal }
    } catch (error) {
      account.refuse()
      throw error
    }
  }

  const generate = operation(
    'aiplatform.generateContent',
    async (context) => {
      const accepted = await accept(context, readGenerationRequest)
      const { unit, nth } = account.begin(accepted.request)
      try {
        const { body, outcome } = await behavior.generate({ ...accepted, unit, nth })
        account.end(unit, outcome, body.usageMetadata)
        return Response.json(body, { headers: { 'content-type': 'application/json; charset=UTF-8' } })
      } catch (error) {
        account.end(unit, error instanceof GoogleError ? error.status : 'INTERNAL', undefined)
        throw error
      }
    },
    PREDICT,
  )

  const countTokens = operation(
    'aiplatform.countTokens',
    async (context) => {
      const accepted = await accept(context, readCountTokensRequest)
      if (behavior.countTokens) return Response.json(await behavior.countTokens({ ...accepted, unit: '', nth: 1 }))
      const { total, details } = promptTokens(accepted.request)
      return Response.json({ totalTokens: total, promptTokensDetails: details })
    },
    PREDICT,
  )

  const unknown = operation(
    'aiplatform.unknown',
    (context) => {
      throw notEmulatedByVertex(`Vertex AI method ${context.req.method} ${context.req.path}`)
    },
    { needs: NOTHING },
  )

  const app = new Hono()
  const models = '/:apiVersion{v1|v1beta1}/projects/:project/locations/:location/publishers/google/models'
  app.post(`${models}/:model{[^:/]+:generateContent}`, generate)
  app.post(`${models}/:model{[^:/]+:countTokens}`, countTokens)
  app.all('*', unknown)
  return app
}

function checkModelProject(context: Context, { projectId, projectNumber }: RouteOptions): void {
  const { project, location, model = '' } = context.req.param() as Record<string, string>
  if (project === projectId || project === projectNumber) return
  const resource = `//aiplatform.googleapis.com/projects/${project}/locations/${location}/publishers/google/models/${modelId(model)}`
  throw vertexError(
    'PERMISSION_DENIED',
    `Permission 'aiplatform.endpoints.predict' denied on resource '${resource}' (or it may not exist).`,
  )
}

async function readRaw(context: Context): Promise<{ raw: RawRequest; body: Record<string, unknown> }> {
  const { project = '', location = '', model = '' } = context.req.param() as Record<string, string>
  const text = await context.req.text()
  const size = Buffer.byteLength(text)
  if (size > MAX_REQUEST_BYTES)
    throw new GoogleError('INVALID_ARGUMENT', 'Request payload size exceeds the limit: 524288000 bytes.', {
      details: [],
    })
  const body = parseBody(text)
  return {
    body: body as Record<string, unknown>,
    raw: { project, location, model: modelId(model), body, size, header: (name) => context.req.header(name) },
  }
}

function modelId(segment: string): string {
  return decodeURIComponent(segment.replace(/:[^:]*$/, ''))
}

function parseBody(text: string): unknown {
  try {
    return text.trim() === '' ? {} : parseJson(text)
  } catch (error) {
    throw vertexError('INVALID_ARGUMENT', `Invalid JSON payload received. ${(error as Error).message}`)
  }
}
