import type { Access, EmulatedApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { CallAccount, type CallSummary, type UnitAccount } from './call-account.ts'
import { chooseBehavior } from './choose-behavior.ts'
import { vertexRoutes } from './routes.ts'
import { ImageReader, type Agents } from './image-reader.ts'
import type { PeekObject } from './stored-images.ts'

export type { CallSummary, UnitAccount } from './call-account.ts'

export interface VertexApiOptions {
  clock: Clock
  operation: Operation
  projectId: string
  projectNumber: string
  /** The replacement for Gemini: `replay:FILE`, `script:FILE`, `forward`; undefined refuses every call. */
  gemini: string | undefined
  /** Reads an object's size and first bytes from the local Cloud Storage. */
  peekObject: PeekObject
  readObject: (uri: string) => Promise<Buffer>
  agents: Agents
  access: Pick<Access, 'has'>
  /** How long a new service agent cannot read anything yet. */
  agentDelayMs: () => number
}

export interface VertexApi extends EmulatedApi {
  /** The calls to the models since the start. */
  calls: { underWay(): number; summary(): CallSummary; units(): readonly UnitAccount[] }
}

/**
 * Emulates Vertex AI's generateContent and countTokens of Google's publisher models
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference). Every request
 * is checked. The option `gemini` decides who answers in the model's place.
 *
 * Rejects with LocalCloudError INVALID_GEMINI when that replacement is not available.
 */
export async function vertexApi(options: VertexApiOptions): Promise<VertexApi> {
  const { clock, peekObject, readObject } = options
  const account = new CallAccount()
  const behavior = await chooseBehavior({
    choice: options.gemini,
    clock,
    readLocalObject: async (uri) => (typeof peekObject(uri, 0) === 'object' ? readObject(uri) : undefined),
  })

  return {
    name: 'aiplatform',
    http: {
      prefixes: ['/v1/projects', '/v1beta1/projects'],
      app: vertexRoutes({ ...options, account, behavior, reader: new ImageReader(options) }),
    },
    start: async () => undefined,
    stop: async () => behavior.stop(),
    describe: async () => {
      const { units, calls, billedCalls, maxCallsPerUnit } = account.summary()
      return { units, calls, 'billed calls': billedCalls, 'calls for one unit at most': maxCallsPerUnit }
    },
    calls: { underWay: () => account.inProgress, summary: () => account.summary(), units: () => account.units() },
  }
}
