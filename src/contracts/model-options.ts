/** The model that measures images exactly and costs nothing. */
export const PIXELS = 'pixels'

/** Increased when a formula of the pixels model changes, because results of two versions are not comparable. */
export const PIXELS_VERSION = 'pixels-1'

/** The model of a Gemini profile that names none. */
export const DEFAULT_GEMINI_MODEL = 'gemini-3.5-flash-lite'

/** `pixels`, or the id of a Gemini model (https://cloud.google.com/vertex-ai/generative-ai/docs/models). */
export const MODEL_ID = /^(?:pixels|gemini-[a-z0-9][a-z0-9.-]{0,60})$/

/** What the `pixels` model can measure. */
export const MEASUREMENTS = ['resolution', 'image-quality'] as const

export type Measurement = (typeof MEASUREMENTS)[number]

/** The subject of one row: an asset with all its images, or one image. */
export const UNITS = ['asset', 'observation'] as const

export type Unit = (typeof UNITS)[number]

/** Which images of a unit to use when it has more than the limit. */
export const PICKS = ['latest', 'spread', 'all'] as const

export type ImagePick = (typeof PICKS)[number]

/**
 * Image resolution sent to Gemini, which determines the cost
 * (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding).
 */
export const MEDIA_RESOLUTIONS = ['low', 'medium', 'high'] as const

export type MediaResolution = (typeof MEDIA_RESOLUTIONS)[number]

/** How much a model thinks before it answers (https://cloud.google.com/vertex-ai/generative-ai/docs/thinking). */
export const THINKING_LEVELS = ['minimal', 'low', 'medium', 'high'] as const

export type ThinkingLevel = (typeof THINKING_LEVELS)[number]

/**
 * `flex` costs half and can take up to 30 minutes (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo).
 */
export const TIERS = ['standard', 'flex'] as const

export type Tier = (typeof TIERS)[number]

/** `gs`: Gemini reads the images itself. `inline`: the runtime reads them and sends their bytes. */
export const IMAGE_TRANSPORTS = ['gs', 'inline'] as const

export type ImageTransport = (typeof IMAGE_TRANSPORTS)[number]

/** Gemini's limit on the images of one request (https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding). */
export const MAX_IMAGES_PER_REQUEST = 3_000

/** Which images of a unit to use. Street View Insights has up to six per asset. */
export const DEFAULT_IMAGES = { max_per_unit: 6, pick: 'latest' } as const

/** Output limit of Gemini models, in tokens (https://cloud.google.com/vertex-ai/generative-ai/docs/models). */
export const MAX_OUTPUT_TOKENS = 65_536

/** The output limit for profiles that set none, so that an answer that repeats itself stops while it is cheap. */
export const DEFAULT_OUTPUT_TOKENS = 8_192
