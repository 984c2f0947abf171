import { GoogleError } from '../../kernel/errors.ts'
import {
  CLIENT_ATTRIBUTE_PREFIX,
  LARGEST_ATTRIBUTE_KEY_BYTES,
  LARGEST_ATTRIBUTE_VALUE_BYTES,
  LARGEST_ORDERING_KEY_BYTES,
  LARGEST_PUBLISH_BYTES,
  MOST_ATTRIBUTES,
  MOST_MESSAGES_PER_PUBLISH,
  RESERVED_ATTRIBUTE_PREFIX,
} from './limits.ts'
import type { NewMessage } from './resources.ts'

/**
 * Checks one publish request against https://cloud.google.com/pubsub/quotas#resource_limits and the
 * rules of https://cloud.google.com/pubsub/docs/reference/rest/v1/PubsubMessage. All or nothing:
 * one bad message refuses the request.
 *
 * @throws GoogleError INVALID_ARGUMENT
 */
export function checkPublish(topic: string, messages: readonly NewMessage[]): void {
  checkRange('message_count', messages.length, 1, MOST_MESSAGES_PER_PUBLISH)
  checkRange('request_size', publishRequestBytes(topic, messages), 0, LARGEST_PUBLISH_BYTES)
  for (const message of messages) checkMessage(message)
  // https://cloud.google.com/pubsub/docs/ordering: one ordering key per request, or none.
  if (messages.some((message) => message.orderingKey !== messages[0]?.orderingKey)) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      'In a single publish request, all messages must have no ordering key or they must all have the same ordering key.',
    )
  }
}

function checkMessage({ data, attributes, orderingKey }: NewMessage): void {
  const entries = Object.entries(attributes)
  if (data.length === 0 && entries.length === 0) {
    throw new GoogleError(
      'INVALID_ARGUMENT',
      'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
    )
  }
  checkRange('attributes_count', entries.length, 0, MOST_ATTRIBUTES)
  for (const [key, value] of entries) {
    checkRange('attribute_key_length', Buffer.byteLength(key), 0, LARGEST_ATTRIBUTE_KEY_BYTES)
    checkRange('attribute_value_length', Buffer.byteLength(value), 0, LARGEST_ATTRIBUTE_VALUE_BYTES)
    if (key.startsWith(RESERVED_ATTRIBUTE_PREFIX) && !key.startsWith(CLIENT_ATTRIBUTE_PREFIX)) {
      throw new GoogleError(
        'INVALID_ARGUMENT',
        `Attribute keys must not start with "${RESERVED_ATTRIBUTE_PREFIX}" (key=${key}).`,
      )
    }
  }
  checkRange('ordering_key_length', Buffer.byteLength(orderingKey), 0, LARGEST_ORDERING_KEY_BYTES)
}

function checkRange(value: string, given: number, least: number, most: number): void {
  if (given >= least && given <= most) return
  const [size, bound, limit] = given < least ? ['small', 'minimum', least] : ['large', 'maximum', most]
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `The value for ${value} is too ${size}. You passed ${given} in the request, but the ${bound} value is ${limit}.`,
  )
}

/** The request's size in the protobuf encoding, which is what Google's limit counts. */
function publishRequestBytes(topic: string, messages: readonly NewMessage[]): number {
  let bytes = fieldBytes(Buffer.byteLength(topic))
  for (const { data, attributes, orderingKey } of messages) {
    let message = optionalFieldBytes(data.length) + optionalFieldBytes(Buffer.byteLength(orderingKey))
    for (const [key, value] of Object.entries(attributes)) {
      message += fieldBytes(fieldBytes(Buffer.byteLength(key)) + fieldBytes(Buffer.byteLength(value)))
    }
    bytes += fieldBytes(message)
  }
  return bytes
}

function optionalFieldBytes(length: number): number {
  return length === 0 ? 0 : fieldBytes(length)
}

/** A one-byte tag, the length as a base-128 varint, the content. */
function fieldBytes(length: number): number {
  let varint = 1
  for (let rest = length >>> 7; rest > 0; rest >>>= 7) varint++
  return 1 + varint + length
}
