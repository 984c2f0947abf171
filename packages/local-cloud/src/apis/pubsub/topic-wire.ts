import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { durationOfMs, type ProtoTime } from '../../kernel/proto-time.ts'
import { boundedDuration } from './durations.ts'
import { checkLabels } from './labels.ts'
import { LONGEST_RETENTION_MS, SHORTEST_RETENTION_MS } from './limits.ts'
import type { TopicRecord } from './resources.ts'

/** `google.pubsub.v1.Topic` in proto-loader form, with the emulated fields. */
export interface WireTopic {
  name: string
  labels: Record<string, string>
  messageRetentionDuration: ProtoTime | null
  messageStoragePolicy: { allowedPersistenceRegions: string[]; enforceInTransit: boolean } | null
  [refused: string]: unknown
}

/** Fields that would change what a topic does: refused, never ignored. */
const REFUSED_FIELDS = ['kmsKeyName', 'schemaSettings', 'ingestionDataSourceSettings', 'messageTransforms', 'tags']

/**
 * Fields that UpdateTopic can change (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/patch).
 */
export const CHANGEABLE_TOPIC_FIELDS = [
  'labels',
  'message_storage_policy',
  'message_retention_duration',
  'kms_key_name',
  'schema_settings',
  'ingestion_data_source_settings',
  'message_transforms',
]

/**
 * Checks a topic's settings (https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics).
 *
 * @throws GoogleError INVALID_ARGUMENT for a bad value, UNIMPLEMENTED for a field that is not emulated
 */
export function topicOfWire(topic: WireTopic): TopicRecord {
  refuseFields('Topic', topic, REFUSED_FIELDS)
  const policy = topic.messageStoragePolicy
  if (policy?.enforceInTransit) throw notEmulated('Topic.messageStoragePolicy.enforceInTransit')
  // "An empty list means that no regions are allowed, and is not a valid configuration."
  if (policy?.allowedPersistenceRegions.length === 0) {
    throw new GoogleError('INVALID_ARGUMENT', 'messageStoragePolicy.allowedPersistenceRegions must not be empty.')
  }
  return {
    name: topic.name,
    labels: checkLabels(topic.labels),
    retentionMs: topic.messageRetentionDuration
      ? boundedDuration(topic.messageRetentionDuration, {
          field: 'messageRetentionDuration',
          fallbackMs: SHORTEST_RETENTION_MS,
          leastMs: SHORTEST_RETENTION_MS,
          mostMs: LONGEST_RETENTION_MS,
        })
      : undefined,
    allowedRegions: policy?.allowedPersistenceRegions,
  }
}

export function wireOfTopic(topic: TopicRecord): WireTopic {
  return {
    name: topic.name,
    labels: topic.labels,
    messageRetentionDuration: topic.retentionMs === undefined ? null : durationOfMs(topic.retentionMs),
    messageStoragePolicy: topic.allowedRegions
      ? { allowedPersistenceRegions: [...topic.allowedRegions], enforceInTransit: false }
      : null,
    state: 'ACTIVE',
  }
}

/** Refuses by name every listed field with a value. */
export function refuseFields(resource: string, message: Record<string, unknown>, fields: readonly string[]): void {
  for (const field of fields) if (!isDefault(message[field])) throw notEmulated(`${resource}.${field}`)
}

/** Proto3 does not distinguish an absent field from one with its default value. */
function isDefault(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  // A repeated field or a map; a sent message contains at least its own defaults.
  return typeof value === 'object' && Object.keys(value).length === 0
}
