import type { Access } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { vertexError } from './failures.ts'

/** The service agents that IAM knows. */
export interface Agents {
  emailOf(service: string): string | undefined
  find(email: string): { createdMs: number } | undefined
  create(email: string): { createdMs: number }
}

export interface ImageReaderOptions {
  clock: Clock
  agents: Agents
  access: Pick<Access, 'has'>
  /** How long a new agent cannot read anything yet: minutes in a new project of Google's. */
  agentDelayMs: () => number
}

/**
 * The account with which Vertex AI reads `gs://` images: its service agent, not the caller
 * (https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents).
 */
export class ImageReader {
  readonly #options: ImageReaderOptions
  readonly #email: string

  constructor(options: ImageReaderOptions) {
    this.#options = options
    this.#email = options.agents.emailOf('aiplatform.googleapis.com') ?? ''
  }

  /**
   * Throws FAILED_PRECONDITION while the agent does not exist, in the words of GoogleCloudPlatform/generative-ai#1308.
   * The first request creates it.
   */
  checkAgent(): void {
    const { agents, clock, agentDelayMs } = this.#options
    const existing = agents.find(this.#email)
    const { createdMs } = existing ?? agents.create(this.#email)
    if (existing && clock.now() - createdMs >= agentDelayMs()) return
    throw vertexError(
      'FAILED_PRECONDITION',
      'Service agents are being provisioned (https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents). Service agents are needed to read the Cloud Storage file provided. So please try again in a few minutes.',
    )
  }

  /** Throws PERMISSION_DENIED for an object that the agent may not read. Google does not document the words. */
  checkObject(uri: string): void {
    const [, bucket = '', object = ''] = /^gs:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? []
    const resource = `projects/_/buckets/${bucket}/objects/${object}`
    const demand = { permission: 'storage.objects.get', resource }
    if (this.#options.access.has({ email: this.#email }, demand)) return
    throw vertexError('PERMISSION_DENIED', 'Permission denied while accessing input file.')
  }
}
