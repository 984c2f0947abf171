import { CLOUD_BUILD_PROTOS } from '../cloud-build/index.ts'
import { clientProtos } from '../../kernel/grpc-server.ts'

interface Protos {
  nested: { google: { nested: object } }
}

let protos: object | undefined

/**
 * The protos of Cloud Run's client, and those of the builds in SubmitBuild's answers, without which an answer could not be
 * written as JSON.
 */
export function cloudRunProtos(): object {
  if (protos) return protos
  const run = clientProtos('@google-cloud/run') as Protos
  const { devtools } = CLOUD_BUILD_PROTOS.nested.google.nested
  const google = { ...run.nested.google, nested: { ...run.nested.google.nested, devtools } }
  protos = { ...run, nested: { ...run.nested, google } }
  return protos
}
