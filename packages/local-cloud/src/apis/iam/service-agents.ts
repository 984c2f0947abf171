import type { Clock } from '../../kernel/clock.ts'
import { accountId } from '../identity/id-tokens.ts'
import type { IamStore } from './store.ts'

/** The domains of the service agents that are emulated (https://cloud.google.com/iam/docs/service-agents). */
const DOMAINS: Readonly<Record<string, string>> = {
  'aiplatform.googleapis.com': 'gcp-sa-aiplatform.iam.gserviceaccount.com',
}

/** An account of Google's with which a service reads and writes the project's resources. */
export interface ServiceAgent {
  email: string
  uniqueId: string
  createdMs: number
}

/**
 * The service agents of the local project. An agent exists once it is requested, or once its service
 * needs it (https://cloud.google.com/iam/docs/create-service-agents). Google also grants it a role on the
 * project then, which is not emulated: organizations revoke it.
 */
export class ServiceAgents {
  readonly #store: IamStore
  readonly #clock: Clock
  readonly #projectNumber: string
  /** Agents by address, because every call with images in Cloud Storage looks one up. They are never deleted. */
  readonly #known = new Map<string, ServiceAgent>()

  constructor(options: { store: IamStore; clock: Clock; projectNumber: string }) {
    this.#store = options.store
    this.#clock = options.clock
    this.#projectNumber = options.projectNumber
  }

  /** The address of a service's agent, whether it exists or not; undefined when the service's agent is not emulated. */
  emailOf(service: string): string | undefined {
    const domain = Object.hasOwn(DOMAINS, service) ? DOMAINS[service] : undefined
    return domain && `service-${this.#projectNumber}@${domain}`
  }

  find(email: string): ServiceAgent | undefined {
    const known = this.#known.get(email)
    if (known) return known
    const createdMs = this.#store.agentCreatedMs(email)
    if (createdMs === undefined) return undefined
    const agent = { email, uniqueId: accountId(email), createdMs }
    this.#known.set(email, agent)
    return agent
  }

  /** Idempotent. */
  create(email: string): ServiceAgent {
    const found = this.find(email)
    if (found) return found
    this.#store.putAgent(email, this.#clock.now())
    return this.find(email)!
  }

  /** Returns why a policy cannot name the agent: only agents of the local project can be checked. */
  fault(email: string): string | undefined {
    const isOwn = Object.keys(DOMAINS).some((service) => this.emailOf(service) === email)
    return isOwn && !this.find(email) ? `Service account ${email} does not exist.` : undefined
  }
}
