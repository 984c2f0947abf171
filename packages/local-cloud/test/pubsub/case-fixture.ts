import type { PubSubCloud } from './pubsub-fixture.ts'
import { PROJECT } from './pubsub-fixture.ts'

export const BASICS = 'https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names'

/** google/rpc/code.proto */
export const CODES = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
} as const

export const PARENT = `projects/${PROJECT}`
export const topicName = (id: string): string => `${PARENT}/topics/${id}`
export const subscriptionName = (id: string): string => `${PARENT}/subscriptions/${id}`

/** One call with the answer that Google documents at `link`. */
export interface Case {
  call: string
  link: string
  run(cloud: PubSubCloud): Promise<unknown>
  /** It has no like over REST: the client cannot build the request, or JSON has another form for it. */
  isOnlyGrpc?: boolean
  /** The status of the error, or a part of the answer. */
  expected: keyof typeof CODES | object
}
