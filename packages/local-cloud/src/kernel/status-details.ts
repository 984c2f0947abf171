import { Metadata } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'

/** The trailer in which gRPC carries google.rpc.Status (https://google.aip.dev/193#status-message). */
const TRAILER = 'grpc-status-details-bin'

const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo'

/**
 * google/rpc/status.proto and google/rpc/error_details.proto, as far as they are used; the clients have no copy that
 * can be loaded.
 */
const PROTOS = {
  nested: {
    Status: {
      fields: {
        code: { type: 'int32', id: 1 },
        message: { type: 'string', id: 2 },
        details: { rule: 'repeated', type: 'PackedDetail', id: 3 },
      },
    },
    PackedDetail: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
    ErrorInfo: {
      fields: {
        reason: { type: 'string', id: 1 },
        domain: { type: 'string', id: 2 },
        metadata: { keyType: 'string', type: 'string', id: 3 },
      },
    },
  },
}

type Serialize = (value: object) => Buffer

let definitions: Record<string, { serialize?: Serialize }> | undefined

/** Returns the trailer with an error's machine-readable google.rpc.ErrorInfo; undefined when it has none. */
export function statusDetails(
  code: number,
  message: string,
  details: readonly object[] | undefined,
): Metadata | undefined {
  const infos = (details ?? []).filter((detail) => '@type' in detail && detail['@type'] === ERROR_INFO)
  if (infos.length === 0) return undefined
  const packed = infos.map((info) => ({ type_url: ERROR_INFO, value: serializer('ErrorInfo')(info) }))
  const metadata = new Metadata()
  metadata.set(TRAILER, serializer('Status')({ code, message, details: packed }))
  return metadata
}

function serializer(type: 'Status' | 'ErrorInfo'): Serialize {
  definitions ??= fromJSON(PROTOS, { keepCase: true }) as unknown as Record<string, { serialize?: Serialize }>
  const serialize = definitions[type]?.serialize
  if (!serialize) throw new Error(`no message ${type} in the protos`)
  return serialize
}
