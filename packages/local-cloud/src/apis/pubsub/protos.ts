import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { clientProtos } from '../../kernel/grpc-server.ts'

interface Protos {
  nested: { google: { nested: Record<string, object> } }
}

let known: Protos | undefined

/**
 * The wire format of Pub/Sub, with that of google.iam.v1.IAMPolicy, which the client takes from the library that all of
 * Google's clients share. Read once.
 */
export function pubSubProtos(): object {
  if (known) return known
  const { nested } = clientProtos('@google-cloud/pubsub') as Protos
  const client = createRequire(createRequire(import.meta.url).resolve('@google-cloud/pubsub'))
  const entry = client.resolve('google-gax')
  const folder = path.join('node_modules', 'google-gax')
  const root = entry.slice(0, entry.lastIndexOf(folder) + folder.length)
  const text = readFileSync(path.join(root, 'build', 'protos', 'iam_service.json'), 'utf8')
  const { iam, type } = (JSON.parse(text) as Protos).nested.google.nested
  known = { nested: { google: { nested: { ...nested.google.nested, iam: iam!, type: type! } } } }
  return known
}
