/** The form in which handlers get requests and give answers, whatever the transport: see RpcHandler. */
export const MESSAGE_FORM = { enums: String, longs: String, bytes: Buffer, defaults: true, oneofs: true }
