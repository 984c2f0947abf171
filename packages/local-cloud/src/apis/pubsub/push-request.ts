import type { Delivery } from '../../kernel/api.ts'
import type { LeasedMessage, PushTarget, SubscriptionRecord } from './resources.ts'

/**
 * The HTTP request of one push delivery: the wrapped JSON envelope of
 * https://cloud.google.com/pubsub/docs/push#receive_push. Empty fields are omitted, as in protobuf's
 * JSON format; `deliveryAttempt` is present only with a dead-letter policy.
 */
export function pushRequest(subscription: SubscriptionRecord, target: PushTarget, leased: LeasedMessage): Delivery {
  const { message, attempt } = leased
  const id = String(message.id)
  const publishTime = new Date(message.publishMs).toISOString()
  const envelope = {
    ...(subscription.settings.deadLetter ? { deliveryAttempt: attempt } : {}),
    message: {
      ...(Object.keys(message.attributes).length > 0 ? { attributes: message.attributes } : {}),
      ...(message.data.length > 0 ? { data: message.data.toString('base64') } : {}),
      messageId: id,
      message_id: id,
      ...(message.orderingKey === '' ? {} : { orderingKey: message.orderingKey }),
      publishTime,
      publish_time: publishTime,
    },
    subscription: subscription.name,
  }
  return {
    method: 'POST',
    url: target.endpoint,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      from: 'noreply@google.com',
      'user-agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)',
    },
    body: Buffer.from(JSON.stringify(envelope)),
    // "For push delivery, this value is also used to set the request timeout for the call to the push endpoint":
    // https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
    deadlineMs: subscription.settings.ackDeadlineSeconds * 1_000,
    ...(target.oidc ? { oidc: target.oidc } : {}),
  }
}
