import * as z from 'zod'
import { MEDIA_RESOLUTIONS, MODEL_ID } from './model-options.ts'
import { tokenPrice } from './prices.ts'
import { RUN_ID_PATTERN } from './run-id.ts'

const runId = z.string().regex(RUN_ID_PATTERN, 'not a run id')

/** The number of buckets that a snapshot's assets are hashed into; a shard is a range of them. */
export const BUCKETS = 2000

/** Settings that a retry changes for the units that it queues again. */
export const overrides = z.strictObject({
  model: z.string().regex(MODEL_ID).optional(),
  media_resolution: z.enum(MEDIA_RESOLUTIONS).optional(),
  /** Of the other model, or another one of the run's own model. */
  price: tokenPrice.optional(),
})

export type Overrides = z.infer<typeof overrides>

/** One Pub/Sub message: a slice of a run's assets. Bounds are inclusive. */
export const shardMessage = z
  .strictObject({
    v: z.literal(1),
    run_id: runId,
    /** The full name of the Cloud Tasks queue. */
    queue: z.string().regex(/^projects\/[^/]+\/locations\/[^/]+\/queues\/[A-Za-z0-9-]+$/, 'not a queue name'),
    bucket_from: z
      .int()
      .min(0)
      .max(BUCKETS - 1),
    bucket_to: z
      .int()
      .min(0)
      .max(BUCKETS - 1),
    /** Goes into the task names: a resume that must recreate a finished task raises it. */
    generation: z.int().min(0).default(0),
    /** Skips assets that have their final row: a resume queues only what is missing. */
    only_pending: z.boolean().default(false),
    overrides: overrides.optional(),
    /** Units that have their row already, from the run's probe. */
    skip: z.array(z.string()).max(10).optional(),
  })
  .refine((shard) => shard.bucket_from <= shard.bucket_to, 'bucket_from is after bucket_to')

export type ShardMessage = z.infer<typeof shardMessage>

export const location = z.strictObject({ latitude: z.number(), longitude: z.number() })

export type Location = z.infer<typeof location>

export const observation = z.strictObject({
  observation_id: z.string(),
  /** As in the source. A value that is not a gs:// URI is an unreadable image, and the row says so. */
  gcs_uri: z.string(),
  /** RFC 3339, UTC; null when the source has none. */
  capture_time: z.string().nullable(),
})

export type Observation = z.infer<typeof observation>

/** One unit of work as the snapshot holds it and as a task carries it: an asset, or one observation. */
export const asset = z.strictObject({
  /**
   * The asset's id; for an observation, `<asset id>/<observation id>`, or the observation ID alone when it belongs to
   * no asset.
   */
  unit_id: z.string().min(1),
  /** Null for a panorama frame, which belongs to no asset. */
  asset_id: z.string().min(1).nullable(),
  location: location.nullable(),
  /** RFC 3339, UTC; null when the source has none. */
  detection_time: z.string().nullable(),
  /** Newest first. Empty when the source names no image: the asset still gets its (failed) row. */
  observations: z.array(observation),
  /** The unit's hash bucket in the snapshot. Its ledger rows carry it, because the ledger is partitioned by it. */
  bucket: z
    .int()
    .min(0)
    .max(BUCKETS - 1),
})

export type Asset = z.infer<typeof asset>

/** The body of one Cloud Tasks task: one unit's work. */
export const taskPayload = asset.extend({
  v: z.literal(1),
  run_id: runId,
  generation: z.int().min(0),
  overrides: overrides.optional(),
})

export type TaskPayload = z.infer<typeof taskPayload>

/**
 * Cloud Tasks' limit on a task (https://cloud.google.com/tasks/docs/quotas); imagery stays below the lower of the two
 * published figures.
 */
export const LARGEST_TASK_BYTES = 100 * 1024

/** The body of POST /setup and POST /teardown. */
export const runRequest = z.strictObject({ v: z.literal(1), run_id: runId })

export type RunRequest = z.infer<typeof runRequest>

/**
 * Full name of a topic, `projects/P/topics/T`. T has 3 to 255 of these characters, begins with a letter and not with `goog`
 * (https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names).
 */
export const TOPIC_NAME = /^projects\/[a-z0-9:.-]+\/topics\/(?!goog)[A-Za-z][\w.~+%-]{2,254}$/

/** The body of POST /notify-topic: asks whether the services may publish to a topic. */
export const topicRequest = z.strictObject({ v: z.literal(1), topic: z.string().regex(TOPIC_NAME, 'not a topic') })

/** The most units that one probe tries. */
export const MOST_PROBED = 5

const unitKey = z.strictObject({ unit_id: asset.shape.unit_id, bucket: asset.shape.bucket })

/** What a retry asks of POST /probe: failed units, in the retry's generation and with its settings. */
export const probedRetry = z.strictObject({
  generation: z.int().min(1),
  units: z.array(unitKey).min(1).max(MOST_PROBED),
  overrides: overrides.optional(),
})

export type ProbedRetry = z.infer<typeof probedRetry>

/** The body of POST /probe: without `retry` and `sample`, the first units of the run are probed; with `sample`, that one. */
export const probeRequest = runRequest.extend({ retry: probedRetry.optional(), sample: unitKey.optional() })

export type SampledUnit = z.infer<typeof unitKey>

/** A Pub/Sub push delivery (https://cloud.google.com/pubsub/docs/push#receive_push): Google can add members. */
export const pushEnvelope = z.object({
  message: z.object({
    data: z.base64().optional(),
    messageId: z.string(),
    /** When the message was first published; a redelivery does not change it. */
    publishTime: z.iso.datetime({ offset: true }).optional(),
    attributes: z.record(z.string(), z.string()).optional(),
  }),
  subscription: z.string(),
  deliveryAttempt: z.int().optional(),
})

export type PushEnvelope = z.infer<typeof pushEnvelope>

/** The most images of one POST /image-versions. */
export const MOST_IMAGES_LOOKED_AT = 500

/** The body of POST /image-versions: gs:// URIs. */
export const imageVersionsRequest = z.strictObject({
  v: z.literal(1),
  uris: z.array(z.string()).max(MOST_IMAGES_LOOKED_AT),
})

/** Its answer: the version of each image (`imageVersion`), null for one that the services may not look at. */
export const imageVersionsAnswer = z.object({ versions: z.array(z.string().nullable()) })
