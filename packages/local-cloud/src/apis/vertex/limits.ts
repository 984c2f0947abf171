/** The most images in one request (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding). */
export const MAX_IMAGES = 3_000

/** An image in Cloud Storage is read up to this size (same page). */
export const MAX_STORED_IMAGE_BYTES = 30 * 1024 * 1024

/** An image in the request itself (same page). */
export const MAX_INLINE_IMAGE_BYTES = 7 * 1024 * 1024

/** All of a request (https://cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/2-5-flash, "Maximum input size"). */
export const MAX_REQUEST_BYTES = 500 * 1024 * 1024

/** All of a Flex PayGo request (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo). */
export const MAX_FLEX_REQUEST_BYTES = 20 * 1024 * 1024

/** Image types that every Gemini model accepts (image-understanding, as above). */
export const IMAGE_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/webp', 'image/heic', 'image/heif']

/** Stop sequences of a request (https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#generationconfig). */
export const MAX_STOP_SEQUENCES = 5

/** Labels of a request (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/add-labels-to-api-calls). */
export const MAX_LABELS = 64

/**
 * The deepest nesting of an answer schema. Vertex AI refuses deep schemas and does not document the
 * limit; this one is ours, deeper than the 15 levels that a BigQuery column can have.
 */
export const MAX_SCHEMA_DEPTH = 16

/** Text tokens are about four characters (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count). */
export const CHARACTERS_PER_TOKEN = 4
