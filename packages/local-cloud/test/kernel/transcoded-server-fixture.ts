import type { GrpcFace } from '../../src/kernel/api.ts'
import { httpOperations, statusResponse, type Gateway } from '../../src/kernel/gateway.ts'
import { serveHttp, type HttpServer } from '../../src/kernel/http-server.ts'
import { transcodedFace } from '../../src/kernel/transcoding.ts'

/** How an official client talks to the local cloud. */
export type Transport = 'gRPC' | 'REST'

/** Serves the HTTP/JSON face of a gRPC face on a free port. */
export function serveTranscoded(face: GrpcFace, gateway: Gateway): Promise<HttpServer> {
  return serveHttp({ faces: [transcodedFace(face, httpOperations(gateway, statusResponse))], port: 0 })
}

/** Options by which a generated client speaks REST to the port; without, it speaks gRPC over TLS. */
export function overTransport(transport: Transport, port: number): { apiEndpoint: string; port: number } {
  const rest = { apiEndpoint: '127.0.0.1', port, fallback: true, protocol: 'http' }
  return transport === 'gRPC' ? { apiEndpoint: 'localhost', port } : rest
}

/** An error's code and text, which the two transports keep in different places. */
export function outcomeOf(error: unknown): { code: number; text: string } {
  const { code, details, message } = error as { code: number; details?: unknown; message: string }
  return { code, text: typeof details === 'string' ? details : message }
}
