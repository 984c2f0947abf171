/** The format of handlers' requests and responses, for all transports: see RpcHandler. */
export const MESSAGE_FORM = { enums: String, longs: String, bytes: Buffer, defaults: true, oneofs: true }
