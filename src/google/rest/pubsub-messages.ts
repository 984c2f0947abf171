import { callApi } from './rest.ts'
import { callUnless } from '../transport/errors.ts'

/*
 * What the runtime needs of Pub/Sub too. It calls the JSON API, because the client with its dependencies would add
 * 2.2 MB to the image for three small calls.
 */

/** Maximum number of messages in one Publish call (https://cloud.google.com/pubsub/quotas#resource_limits). */
const MAX_MESSAGES = 1_000

/**
 * Publishes one message per body, in order, all with the same attributes. Resolves when all are accepted. A request whose
 * answer is lost is repeated, so a message can arrive twice, as Pub/Sub itself can deliver one twice
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish).
 */
export async function publish(
  topic: string,
  bodies: readonly string[],
  attributes: Record<string, string> = {},
): Promise<void> {
  for (let start = 0; start < bodies.length; start += MAX_MESSAGES) {
    const messages = bodies
      .slice(start, start + MAX_MESSAGES)
      .map((body) => ({ data: Buffer.from(body).toString('base64'), attributes }))
    await callApi('pubsub', `v1/${topic}:publish`, { body: { messages } })
  }
}

export async function deleteTopic(name: string): Promise<'deleted' | 'absent'> {
  return deleteResource(name)
}

export async function deleteSubscription(name: string): Promise<'deleted' | 'absent'> {
  return deleteResource(name)
}

async function deleteResource(name: string): Promise<'deleted' | 'absent'> {
  const deleted = callApi('pubsub', `v1/${name}`, { method: 'DELETE' }).then(() => 'deleted' as const)
  return callUnless('NOT_FOUND', deleted, 'absent' as const)
}

/**
 * Returns the `permissions` that this process's account has on a topic; none on a topic that does not exist
 * (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/testIamPermissions).
 */
export async function topicPermissions(name: string, permissions: readonly string[]): Promise<string[]> {
  const answer = await callApi<{ permissions?: string[] }>('pubsub', `v1/${name}:testIamPermissions`, {
    body: { permissions },
  })
  return answer.permissions ?? []
}
