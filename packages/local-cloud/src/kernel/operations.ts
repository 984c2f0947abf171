import type { Demand, GrpcFace } from './api.ts'
import { GoogleError } from './errors.ts'
import { encoded, protoTypes } from './proto-types.ts'

/** google.protobuf.Any on the wire. */
export interface PackedAny {
  type_url: string
  value: Buffer
}

/**
 * google.longrunning.Operation (https://google.aip.dev/151). `metadata` and `response` are packed by the
 * API that owns the operation, because only its protos have their types.
 */
export interface Operation {
  name: string
  metadata: PackedAny | null
  done: boolean
  error?: { code: number; message: string }
  response?: PackedAny
}

/** One API's part of the google.longrunning.Operations service, which all APIs of the port share. */
export interface OperationSource {
  owns(name: string): boolean
  /** The permission to read one. */
  needs(name: string): readonly Demand[]
  /** Returns the operation (in the format of `Operation`); undefined when it does not exist or has expired. */
  get(name: string): unknown
  /**
   * Resolves with the operation when it is done or `timeoutMs` have passed. Without this function, a wait returns
   * immediately.
   */
  wait?(name: string, timeoutMs: number): Promise<unknown>
}

/** WaitOperation without a timeout waits at most this long (https://google.aip.dev/151 leaves it to the service). */
const DEFAULT_WAIT_MS = 30_000

/**
 * The google.longrunning.Operations service over all `sources`: GetOperation and WaitOperation. Register
 * it once per gRPC server, with the protos of any client that has them.
 */
export function operationsFace(sources: readonly OperationSource[]): Pick<GrpcFace, 'services' | 'needs'> {
  const find = (name: string): OperationSource => {
    const source = sources.find((candidate) => candidate.owns(name))
    if (!source) throw operationNotFound(name)
    return source
  }
  const existing = (name: string, operation: unknown): unknown => {
    if (operation === undefined || operation === null) throw operationNotFound(name)
    return operation
  }
  const needs = ({ name }: { name: string }): readonly Demand[] => find(name).needs(name)
  return {
    services: {
      'google.longrunning.Operations': {
        GetOperation: ({ name }: { name: string }) => existing(name, find(name).get(name)),
        async WaitOperation({ name, timeout }: { name: string; timeout: WireDuration | null }) {
          const source = find(name)
          existing(name, source.get(name))
          const timeoutMs = timeout ? Number(timeout.seconds) * 1_000 + timeout.nanos / 1e6 : DEFAULT_WAIT_MS
          return existing(name, source.wait ? await source.wait(name, timeoutMs) : source.get(name))
        },
      },
    },
    needs: {
      'google.longrunning.Operations/GetOperation': needs,
      'google.longrunning.Operations/WaitOperation': needs,
    },
  }
}

interface WireDuration {
  seconds: string | number
  nanos: number
}

function operationNotFound(name: string): GoogleError {
  return new GoogleError('NOT_FOUND', `Operation not found: ${name}`)
}

/** Packs messages of one client's protos as google.protobuf.Any: `pack('google.cloud.run.v2.Service', {...})`. */
export type PackAny = (typeName: string, message: object) => PackedAny

/**
 * Returns the `pack` function for the messages of `protos` (a client's parsed protos.json); they are loaded at first
 * use.
 */
export function anyPacker(protos: object): PackAny {
  return (typeName, message) => ({
    type_url: `type.googleapis.com/${typeName}`,
    value: encoded(protoTypes(protos).lookupType(typeName), message),
  })
}
