import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import * as grpc from '@grpc/grpc-js'
import type { Demand, EmulatedApi, GrpcFace, RpcHandler } from './api.ts'
import { GoogleError, notEmulated } from './errors.ts'
import { QUOTA_PROJECT_HEADER, type Gateway } from './gateway.ts'
import { NOTHING } from './needs.ts'
import { serviceDefinition } from './proto-types.ts'
import { statusDetails } from './status-details.ts'
import { unexpectedError } from './unexpected-error.ts'

const require = createRequire(import.meta.url)

const loaded = new Map<string, object>()

/**
 * Loads the `protos.json` of an official client package, which defines its wire format. Found relative
 * to the package's entry file, because its `exports` do not include the protos. Read once.
 */
export function clientProtos(packageName: string): object {
  const known = loaded.get(packageName)
  if (known) return known
  const entry = require.resolve(packageName)
  const folder = path.join('node_modules', ...packageName.split('/'))
  const root = entry.slice(0, entry.lastIndexOf(folder) + folder.length)
  const protos = JSON.parse(readFileSync(path.join(root, 'build', 'protos', 'protos.json'), 'utf8')) as object
  loaded.set(packageName, protos)
  return protos
}

/** Google's servers accept gRPC messages up to 4 MB by default; Pub/Sub and Tasks allow 10 MB. */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024 + 64 * 1024

export interface GrpcServer {
  port: number
  stop(): Promise<void>
}

/** Serves the gRPC faces of `apis` over TLS on 127.0.0.1. Port 0 uses a free one. */
export async function serveGrpc(
  apis: readonly Pick<EmulatedApi, 'grpc'>[],
  options: { gateway: Gateway; certificate: { key: string; cert: string }; port: number },
): Promise<GrpcServer> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
  })
  for (const api of apis) if (api.grpc) addFace(server, api.grpc, options.gateway)
  const credentials = grpc.ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(options.certificate.key), cert_chain: Buffer.from(options.certificate.cert) },
  ])
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port}`, credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => server.forceShutdown(), 1_000)
        server.tryShutdown(() => {
          clearTimeout(force)
          resolve()
        })
      }),
  }
}

function addFace(server: grpc.Server, face: GrpcFace, gateway: Gateway): void {
  for (const [serviceName, handlers] of Object.entries(face.services)) {
    const definition = serviceDefinition(face.protos, serviceName)
    const implementation: grpc.UntypedServiceImplementation = {}
    for (const [methodName, { path, requestStream, responseStream }] of Object.entries(definition)) {
      if (requestStream || responseStream) {
        implementation[methodName] = refusedStream(path.slice(1))
        continue
      }
      const handler = handlers[methodName]
      implementation[methodName] = unary(
        path.slice(1),
        gateway,
        handler ?? (() => Promise.reject(notEmulated(path.slice(1)))),
        handler ? needsOf(face, path.slice(1)) : NOTHING,
      )
    }
    server.addService(definition, implementation)
  }
}

/** A method without required permissions would be open to everyone. */
function needsOf(face: GrpcFace, method: string): (request: unknown) => readonly Demand[] {
  const needs = face.needs[method]
  if (!needs) throw new Error(`${method} has no permission rule`)
  return needs
}

/** Streaming methods are not emulated: each is refused by name like any other missing method. */
function refusedStream(method: string): grpc.UntypedHandleCall {
  const refusal = serviceError(notEmulated(method))
  return (call: { emit(event: 'error', error: Partial<grpc.StatusObject>): boolean }) => {
    call.emit('error', refusal)
  }
}

function unary(
  method: string,
  gateway: Gateway,
  handler: RpcHandler,
  needs: (request: unknown) => readonly Demand[],
): grpc.handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const authorization = call.metadata.get('authorization')[0]?.toString()
    const quotaProject = call.metadata.get(QUOTA_PROJECT_HEADER)[0]?.toString()
    gateway({ method, authorization, quotaProject, needs: () => needs(call.request) }, (principal) =>
      handler(call.request, { principal, method }),
    ).then(
      (response) => callback(null, response ?? {}),
      (error: unknown) => callback(serviceError(error)),
    )
  }
}

function serviceError(error: unknown): Partial<grpc.StatusObject> {
  if (!(error instanceof GoogleError)) console.error(error)
  const { grpc: code, message, details } = error instanceof GoogleError ? error : unexpectedError(error)
  const metadata = statusDetails(code, message, details)
  return { code, details: message, ...(metadata ? { metadata } : {}) }
}
