export { Identity, type IdentityOptions } from './identity.ts'
export type { MetadataServer, MetadataServers } from './metadata-server.ts'
