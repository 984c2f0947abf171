import * as z from 'zod'

/** The file in a local cloud's data folder that helps other processes find it while it runs. */
export const LOCATOR_FILE = 'local-cloud.json'

/**
 * The environment variable with the path of the locator file, for processes that use the local cloud instead of Google.
 */
export const LOCATOR_VARIABLE = 'IMAGERY_LOCAL_CLOUD'

export const localCloudLocator = z.object({
  version: z.literal(1),
  pid: z.int(),
  projectId: z.string(),
  projectNumber: z.string(),
  region: z.string(),
  /** Base URL of the REST APIs, e.g. `http://127.0.0.1:40123`. */
  http: z.url(),
  /** The gRPC APIs, over TLS. */
  grpc: z.object({ host: z.string(), port: z.int() }),
  /** PEM file of the local cloud's own certificate authority. */
  caFile: z.string(),
  /** `host:port` of the operator account's metadata server. */
  metadataHost: z.string(),
  /** Bearer token for the `/_imagery/` endpoints. */
  adminToken: z.string(),
  startedAt: z.string(),
  /** Version of imagery that started it. */
  imageryVersion: z.string().optional(),
  /** The replacement for Gemini (`formatGeminiChoice`); absent when there is none. */
  gemini: z.string().optional(),
})

export type LocalCloudLocator = z.infer<typeof localCloudLocator>
