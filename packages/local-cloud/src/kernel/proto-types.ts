import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** The format of handlers' requests and responses, for all transports: see RpcHandler. */
export const MESSAGE_FORM = { enums: String, longs: String, bytes: Buffer, defaults: true, oneofs: true }

const roots = new WeakMap<object, protobuf.Root>()

/**
 * Returns the types of a client's parsed `protos.json`, loaded once for all faces: loading them takes as
 * long as the rest of the local cloud's start.
 */
export function protoTypes(protos: object): protobuf.Root {
  let root = roots.get(protos)
  if (!root) {
    root = protobuf.Root.fromJSON(protos)
    roots.set(protos, root)
  }
  return root
}

/**
 * Returns a service definition for gRPC, with messages in proto-loader's format. proto-loader itself
 * also describes every type for reflection, which is not needed here.
 *
 * @param serviceName `google.cloud.tasks.v2.CloudTasks`
 */
export function serviceDefinition(protos: object, serviceName: string): ServiceDefinition {
  const service = protoTypes(protos).lookup(serviceName, protobuf.Service)
  if (!(service instanceof protobuf.Service)) throw new Error(`no service ${serviceName} in the protos`)
  return Object.fromEntries(
    service.methodsArray.map((method): [string, MethodDefinition<object, object>] => {
      method.resolve()
      const { resolvedRequestType: request, resolvedResponseType: response } = method
      if (!request || !response) throw new Error(`${serviceName}/${method.name} has no types`)
      return [
        method.name,
        {
          path: `/${serviceName}/${method.name}`,
          requestStream: method.requestStream === true,
          responseStream: method.responseStream === true,
          requestSerialize: (message) => encoded(request, message),
          requestDeserialize: (bytes) => decoded(request, bytes),
          responseSerialize: (message) => encoded(response, message),
          responseDeserialize: (bytes) => decoded(response, bytes),
        },
      ]
    }),
  )
}

/** A message on the wire. */
export function encoded(type: protobuf.Type, message: object): Buffer {
  if (Array.isArray(message)) throw new Error(`a ${type.name} is not a list`)
  return Buffer.from(type.encode(type.fromObject(message as Record<string, unknown>)).finish())
}

function decoded(type: protobuf.Type, bytes: Buffer): object {
  return type.toObject(type.decode(bytes), FORM)
}

/** With this value, protobufjs returns bytes as `Buffer`; its types do not declare it. */
const FORM = { ...MESSAGE_FORM, bytes: Buffer as unknown as typeof Array }
